"""What the tests of the documentation share: the pages, their code blocks, commands and links."""

import dataclasses
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("dcgan", "build/release/dcgan", "build/cuda-release/dcgan")
SCRIPTS = ("scripts/", "benchmarks/")


def user_pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_pages():
    """Every Markdown file of the project outside the build trees."""
    return sorted(path for path in ROOT.rglob("*.md")
                  if not path.relative_to(ROOT).parts[0].startswith(("build", "out", "runs", ".")))


@dataclasses.dataclass
class Block:
    page: pathlib.Path
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page):
    """The fenced code blocks of a page."""
    found, lines = [], page.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
        else:
            found.append(Block(page, start, lines[start - 1][3:].strip(),
                               "\n".join(lines[start:number - 1]) + "\n"))
            start = None
    assert start is None, f"{page}:{start}: the block is not closed"
    return found


@dataclasses.dataclass
class Command:
    place: str
    arguments: list

    def __str__(self):
        return f"{self.place}: {' '.join(self.arguments)}"


def commands(page):
    """Commands of the page: lines of `sh` blocks and inline code that begin with a program."""
    found = []
    for block in blocks(page):
        if block.language != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            arguments = shlex.split(line, comments=True)
            if arguments:
                found.append(Command(str(block), arguments))
    return found


def inline_commands(page):
    """`dcgan ...` and `scripts/...` within sentences and tables, at least two words."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = []
    for code in re.findall(r"`([^`]+)`", text):
        arguments = code.split()
        if len(arguments) > 1 and (arguments[0] in PROGRAMS or arguments[0].startswith(SCRIPTS)):
            found.append(Command(str(page.relative_to(ROOT)), arguments))
    return found


def links(page):
    """(target, fragment) of every relative link and image."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, fragment = target.partition("#")
            yield path, fragment


def anchors(page):
    """GitHub's anchors of the headings."""
    found = set()
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.M):
        word = re.sub(r"[^\w\- ]", "", heading.lower()).strip()
        found.add(word.replace(" ", "-"))
    return found

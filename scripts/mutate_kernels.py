#!/usr/bin/env python3
"""Plants one small mistake at a time in the CUDA kernels and sees whether a test notices.

    scripts/mutate_kernels.py [--count 20] [--seed 1] [FILE.cu ...]
    scripts/mutate_kernels.py --list [FILE.cu ...]      prints every mistake, plants none

A copy of the tree is built in --work (default build/mutants) for the emulated device, without
sanitizers; then, for each mistake that the seed draws, the copy's kernel is changed, and the kernels'
tests run in three orders of threads until one fails. Without files: every .cu and .h below
kernels/*/cuda. A mistake that no test notices is a survivor; one that changes no result is explained
in tests/kernels/mutants.json. About a minute a mistake on two cores.
Exit: 0 every mistake was noticed or is explained, 1 a survivor is not, 2 usage or no build.
"""
import argparse
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPLAINED = ROOT / "tests/kernels/mutants.json"
ORDERS = ("forward", "reverse", "random")
PROGRAMS = ("tests/test_kernels", "tests/test_kernel_orders")

# Kind of mistake, what it changes, into what.
OPERATORS = [
    ("accumulation", r"(?<=\w |\] )\+=(?= )", "="),
    ("bound", r"(?<= )<(?= )", "<="),
    ("bound", r"(?<= )>(?= )", ">="),
    ("bound", r"(?<= )>=(?= )", ">"),
    ("sum", r"(?<=[\w)\]] )\+(?= )", "-"),
    ("difference", r"(?<=[\w)\]] )-(?= )", "+"),
    ("remainder", r"(?<=[\w)\]] )%(?= )", "/"),
    ("barrier", r"__syncthreads\(\);", ";"),
    ("fence", r"__threadfence\(\);", ";"),
    ("wait", r"wait_copies<\d>\(\);", ";"),
    ("axis", r"(?<=Idx\.)x\b", "y"),
    ("axis", r"(?<=Dim\.)x\b", "y"),
    ("axis", r"(?<=\.)row\b", "column"),
    ("choice", r"&&", "||"),
]
# Host code, declarations and what the compiler checks.
SKIPPED = re.compile(r"^\s*(//|#|template|static_assert|struct|using|namespace|constexpr|inline|"
                     r"DCGAN_CHECK|DCGAN_SHARED|launch\(|\w+ launch_)")
DEVICE = re.compile(r"__device__|__global__")
# A loop over registers: one turn more is for the compiler and the sanitizers to find.
REGISTERS = re.compile(r"for \((const )?(int|unsigned) [a-z] = 0;")


class Mistake:
    def __init__(self, path, number, column, old, new, kind, line):
        self.path, self.number, self.column = path, number, column
        self.old, self.new, self.kind, self.line = old, new, kind, line

    def key(self):
        """What an explanation names: stays the same when lines move."""
        return (str(self.path), self.line.strip(), self.column_in_code(), self.new)

    def column_in_code(self):
        return self.column - (len(self.line) - len(self.line.lstrip()))

    def changed(self):
        return self.line[:self.column] + self.new + self.line[self.column + len(self.old):]

    def __str__(self):
        return (f"{self.path}:{self.number}: {self.kind}\n    - {self.line.strip()}\n"
                f"    + {self.changed().strip()}")


def device_lines(text):
    """(number, line) of the bodies of __device__ and __global__ functions."""
    depth = wanted = 0
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        if not inside and DEVICE.search(code):
            wanted, inside = depth, None  # from its brace on
        was_inside = inside
        depth += code.count("{") - code.count("}")
        if inside is None and depth > wanted:
            inside = True
        if was_inside:
            yield number, line
        if inside and depth <= wanted or inside is None and code.rstrip().endswith(";"):
            inside = False


def mistakes_in(path, text):
    found = []
    for number, line in device_lines(text):
        if SKIPPED.search(line):
            continue
        code = line.split("//")[0]
        for kind, pattern, new in OPERATORS:
            if kind == "bound" and REGISTERS.search(code):
                continue
            for match in re.finditer(pattern, code):
                found.append(Mistake(path, number, match.start(), match[0], new, kind, line))
    return found


def explained(path=EXPLAINED):
    """{key: reason}"""
    if not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {(row["file"], row["line"], row["column"], row["new"]): row["why"] for row in rows}


class Tree:
    """The copy that is changed, and its build."""

    def __init__(self, work, jobs):
        self.source, self.build, self.jobs = work / "source", work / "build", jobs

    def make(self):
        files = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True,
                               check=True).stdout.decode().split("\0")
        for name in filter(None, files):
            target = self.source / name
            if not (ROOT / name).is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.is_file() or target.read_bytes() != (ROOT / name).read_bytes():
                shutil.copyfile(ROOT / name, target)
                shutil.copymode(ROOT / name, target)
        configure = ["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja",
                     "-DCMAKE_BUILD_TYPE=Release", "-DDCGAN_CUDA=emulated"]
        return self.passes(configure) and self.compile()

    def passes(self, command, **options):
        return subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False, **options).returncode == 0

    def compile(self):
        targets = [pathlib.Path(program).name for program in PROGRAMS]
        return self.passes(["cmake", "--build", self.build, "-j", self.jobs, "--target", *targets])

    def failing(self, limit_s):
        """The first program and order that fails or outlasts the limit; None: all pass."""
        for program in PROGRAMS:
            for order in ORDERS if program == PROGRAMS[0] else ORDERS[:1]:
                command = ["env", f"DCGAN_EMULATOR_ORDER={order}", self.build / program, "--abort"]
                try:
                    if not self.passes(command, timeout=limit_s, cwd=self.source):
                        return f"{pathlib.Path(program).name}, {order}"
                except subprocess.TimeoutExpired:
                    return f"{pathlib.Path(program).name}, {order}: no end after {limit_s} s"
        return None

    def verdict(self, mistake, limit_s):
        """What noticed it; None: nothing."""
        target = self.source / mistake.path
        before = target.read_text(encoding="utf-8")
        lines = before.splitlines(keepends=True)
        lines[mistake.number - 1] = mistake.changed() + "\n"
        try:
            target.write_text("".join(lines), encoding="utf-8")
            return self.failing(limit_s) if self.compile() else "the compiler"
        finally:
            target.write_text(before, encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=20, help="mistakes to plant; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--list", action="store_true", help="print every mistake, plant none")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/mutants")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit-s", type=float, default=300, help="of one run of the tests")
    return parser.parse_args()


def all_mistakes(files):
    paths = files or sorted([*ROOT.glob("kernels/*/cuda/*.cu"), *ROOT.glob("kernels/*/cuda/*.h")])
    found = []
    for path in paths:
        if not path.is_file():
            print(f"mutate_kernels: no {path}", file=sys.stderr)
            sys.exit(2)
        found += mistakes_in(path.resolve().relative_to(ROOT), path.read_text(encoding="utf-8"))
    return found


def main():
    arguments = parse_arguments()
    mistakes = all_mistakes(arguments.files)
    if arguments.list:
        print(*mistakes, f"{len(mistakes)} mistakes", sep="\n")
        return 0
    if arguments.count and arguments.count < len(mistakes):
        mistakes = random.Random(arguments.seed).sample(mistakes, arguments.count)
    tree = Tree(arguments.work.resolve(), arguments.jobs)
    if not tree.make():
        print(f"mutate_kernels: the tree as it is does not build in {arguments.work}")
        return 2
    failing = tree.failing(arguments.limit_s)
    if failing:
        print(f"mutate_kernels: the tests fail without a mistake: {failing}")
        return 2
    reasons, survivors, unexplained = explained(), 0, 0
    for mistake in mistakes:
        started = time.monotonic()
        noticed = tree.verdict(mistake, arguments.limit_s)
        why = reasons.get(mistake.key())
        print(mistake)
        if noticed:
            outcome = f"noticed by {noticed}"
        else:
            survivors += 1
            unexplained += why is None
            outcome = f"SURVIVED, as explained: {why}" if why else "SURVIVED"
        print(f"    {outcome} ({time.monotonic() - started:.0f} s)", flush=True)
    print(f"{len(mistakes)} mistakes, {len(mistakes) - survivors} noticed, "
          f"{survivors - unexplained} explained, {unexplained} survived")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

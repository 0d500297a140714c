"""What the tests of the scripts share."""

import pathlib
import stat
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    """Runs a command; the result has returncode and output (both streams together)."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    done.output = done.stdout
    return done


def write(root, path, text):
    """Writes a file below `root`, with its folders."""
    target = pathlib.Path(root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def write_program(root, path, text):
    target = write(root, path, text)
    target.chmod(target.stat().st_mode | stat.S_IXUSR)
    return target

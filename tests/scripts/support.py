"""What the tests of the scripts share."""

import os
import pathlib
import stat
import subprocess
import sys

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


def torch_python(*modules):
    """A Python that has these modules: the one that DCGAN_TORCH_PYTHON names, this one, or that of
    benchmarks/peers/setup_torch.sh. None where there is none."""
    candidates = [os.environ.get("DCGAN_TORCH_PYTHON"), sys.executable,
                  ROOT / "build/torch/bin/python"]
    for python in filter(None, candidates):
        if pathlib.Path(python).is_file() and \
                run(python, "-c", f"import {', '.join(modules)}").returncode == 0:
            return python
    return None

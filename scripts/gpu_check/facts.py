"""What the check knows of the machine before it starts anything."""

import os
import pathlib
import subprocess
import sys

from libraries import ROOT


def output_of(*command):
    """Standard output of a program of the machine; empty where it fails or is missing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def gpu(what):
    return output_of("nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader").split("\n")[0]


def gpu_count():
    return len(output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines())


def revision():
    file = ROOT / "REVISION"
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()
    return output_of("git", "-C", ROOT, "rev-parse", "HEAD")


def shared_folder():
    """Where the traces and MNIST are."""
    given = os.environ.get("DCGAN_SHARED")
    places = ([pathlib.Path(given)] if given else []) + [ROOT / "shared", ROOT.parent / "shared"]
    return next((place for place in places if (place / "parity").is_dir()), places[0])


def torch_python():
    """A Python that has PyTorch; it is not imported, which takes seconds."""
    given = os.environ.get("DCGAN_TORCH_PYTHON")
    asks = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    for python in [given] if given else [sys.executable]:
        if subprocess.run([python, "-c", asks], check=False).returncode == 0:
            return python
    return ""

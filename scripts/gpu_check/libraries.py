"""Finds NVIDIA's libraries for the programs, also inside Python's packages.

    python3 scripts/gpu_check/libraries.py PROGRAM    prints the LD_LIBRARY_PATH that PROGRAM needs

PyTorch's wheels bring cuDNN, cuBLASLt, the run-time compiler and NCCL under
site-packages/nvidia/*/lib, where the loader does not look. Nothing of Python is imported: the
folders are listed. cuDNN opens its engines and the run-time compiler while it runs, so these have
to be on the path too; a program that starts says nothing about them.
"""

import dataclasses
import glob
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NVIDIA = re.compile(r"^lib(cudnn|cublas|nvrtc|nvJitLink|nccl)")
# What a build for a real GPU is linked with.
LINKED = ("libcudnn_graph.so.9", "libcublasLt.so.13")
# What these open while they run, as patterns of file names with the major versions of the two.
OPENED = ("libcudnn_engines_precompiled.so.{cudnn}", "libcudnn_engines_runtime_compiled.so.{cudnn}",
          "libcudnn_heuristic.so.{cudnn}", "libnvrtc.so.{cuda}", "libnvrtc-builtins.so.{cuda}.*")
OPTIONAL = ("libcudnn_ops.so.{cudnn}", "libnvJitLink.so.{cuda}", "libnccl.so.2")


@dataclasses.dataclass
class Library:
    name: str
    path: str  # empty: not found
    package: str = ""  # "nvidia-cudnn-cu13 9.19.0.56"; empty: of no Python package
    required: bool = True


@dataclasses.dataclass
class Found:
    library_path: str
    libraries: list

    def missing(self):
        return [one.name for one in self.libraries if one.required and not one.path]


def python_folders(python=sys.executable):
    """Folders site-packages/nvidia/*/lib of this Python."""
    done = subprocess.run([python, "-c", "import sys; print('\\n'.join(sys.path))"],
                          capture_output=True, text=True, check=False)
    sites = [line for line in done.stdout.splitlines() if os.path.isdir(line)]
    folders = [folder for site in sites
               for folder in sorted(glob.glob(f"{glob.escape(site)}/nvidia/*/lib"))]
    return [folder for folder in folders if any(map(NVIDIA.match, os.listdir(folder)))]


def loaded(program, library_path):
    """{name: path} of what the loader takes when the program starts; an empty path: nothing."""
    environment = dict(os.environ, LD_TRACE_LOADED_OBJECTS="1", LD_LIBRARY_PATH=library_path)
    done = subprocess.run([str(program)], env=environment, capture_output=True, text=True,
                          check=False)
    names = {}
    for name, path in re.findall(r"^\s*(\S+) => (.*?)(?: \(0x[0-9a-f]+\))?$", done.stdout, re.M):
        names[name] = "" if path == "not found" else path
    return names


def opened(pattern, folders):
    """The first file that matches, as the loader would find it."""
    for folder in filter(None, folders):
        for path in sorted(glob.glob(f"{glob.escape(folder)}/{pattern}")):
            return path
    return ""


def package_of(path):
    """Name and version of the Python package that a file belongs to."""
    parts = pathlib.Path(path).parts
    if "nvidia" not in parts:
        return ""
    depth = len(parts) - 1 - parts[::-1].index("nvidia")
    site = pathlib.Path(*parts[:depth])
    inside = "/".join(parts[depth:]) + ","
    for record in site.glob("nvidia_*.dist-info/RECORD"):
        text = record.read_text(encoding="utf-8", errors="replace")
        if any(line.startswith(inside) for line in text.splitlines()):
            return record.parent.name.removesuffix(".dist-info").replace("_", "-")
    return ""


def major_of(prefix, names):
    """What follows the prefix in the first name that has it."""
    return next((name.removeprefix(prefix) for name in names if name.startswith(prefix)), "")


def joined(*folders):
    return ":".join(dict.fromkeys(filter(None, folders)))


def describe(program, library_path, always):
    """What the program takes from NVIDIA with this path. `always`: as if it were linked."""
    names = loaded(program, library_path)
    linked = {name: path for name, path in names.items() if NVIDIA.match(name)}
    folders = library_path.split(":")
    if always:
        linked = {name: opened(name, folders) for name in LINKED} | linked
    libraries = [Library(name, path) for name, path in sorted(linked.items())]
    others = [Library(name, path) for name, path in sorted(names.items())
              if name not in linked and not path]
    cudnn, cuda = (major_of(prefix, linked) for prefix in ("libcudnn_graph.so.", "libcublasLt.so."))
    if cudnn and cuda:
        # cuDNN's own folder is where it looks for its engines, too.
        where = folders + [os.path.dirname(path) for path in linked.values()]
        for patterns, required in ((OPENED, True), (OPTIONAL, False)):
            for pattern in patterns:
                name = pattern.format(cudnn=cudnn, cuda=cuda)
                if name in linked:  # NCCL, in a build for several GPUs
                    continue
                libraries.append(Library(name, opened(name, where), required=required))
    for one in libraries:
        one.package = package_of(one.path)
    return Found(library_path, libraries + others)


def find(program, python=sys.executable, always=False):
    """The library path for a program. One of a bundle takes Python's libraries where there are any,
    another only when something is missing without them."""
    own = str(ROOT / "lib") if (ROOT / "lib").is_dir() else ""
    given = os.environ.get("LD_LIBRARY_PATH", "")
    as_it_is = describe(program, joined(own, given), always)
    packages = python_folders(python)
    if not packages or (not own and not as_it_is.missing()):
        return as_it_is
    with_packages = describe(program, joined(own, *packages, given), always)
    return with_packages if not with_packages.missing() or as_it_is.missing() else as_it_is


def lines(found):
    for one in found.libraries:
        where = one.path or ("MISSING" if one.required else "not found")
        yield f"{one.name:44} {where}{f'  ({one.package})' if one.package else ''}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: libraries.py PROGRAM")
    print(find(sys.argv[1]).library_path)

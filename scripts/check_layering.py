#!/usr/bin/env python3
"""Reads every #include of the tree and fails on an arrow that runs the wrong way.

    scripts/check_layering.py                  the whole tree
    scripts/check_layering.py --headers        ... and compiles each header on its own
    scripts/check_layering.py --root FOLDER    another tree (the self-test plants faults in one)

Rules (ALLOWED below): runtime <- kernels <- models <- apps, room by room, without a circle; tests
and benchmarks see all. Headers of CUDA, NCCL, MPI, oneDNN and picture codecs stay in .cpp, .cu and
.cuh files, in folders named cuda and in the PRIVATE headers. No header outside those folders may
include a PRIVATE header. A quoted include names a file of the project by its path from the root.
Exit: 0 as planned, 1 violations (one a line: file:line: what), 2 usage.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

# Room -> rooms it may include besides itself. The longest name that a path begins with is its room.
# The table has no circle: main() checks it.
RUNTIME = ["runtime/base", "runtime/device", "runtime/comm", "runtime/io"]
COMPUTE = ["runtime/base", "runtime/device", "kernels/common"]  # what an operation stands on
KERNELS = ["kernels/common", "kernels/vendor", "kernels/elementwise", "kernels/input",
           "kernels/loss", "kernels/optimizer", "kernels/norm", "kernels/conv", "kernels/block"]
MODELS = ["models/networks", "models/training", "models/data", "models/checkpoint",
          "models/generation", "models/run", "models/evaluation", "models/export", "models/parity",
          "models/profiling", "models/api"]

ALLOWED = {
    "runtime/base": [],
    "runtime/device": ["runtime/base"],
    "runtime/comm": ["runtime/base", "runtime/device"],
    "runtime/io": ["runtime/base"],
    "kernels/common": ["runtime/base", "runtime/device"],
    "kernels/vendor": [*COMPUTE, "runtime/io"],
    "kernels/elementwise": COMPUTE,
    "kernels/input": COMPUTE,
    "kernels/loss": COMPUTE,
    "kernels/optimizer": COMPUTE,
    "kernels/norm": [*COMPUTE, "kernels/elementwise"],
    "kernels/conv": [*COMPUTE, "kernels/vendor", "kernels/elementwise"],
    "kernels/block": [*COMPUTE, "kernels/vendor", "kernels/elementwise", "kernels/norm",
                      "kernels/conv"],
    "models/include": [],
    "models/networks": [*RUNTIME, *KERNELS],
    "models/training": ["runtime/base", "runtime/device", "runtime/comm", *KERNELS,
                        "models/networks"],
    "models/data": [*RUNTIME, "kernels/input", "models/training"],
    "models/checkpoint": [*RUNTIME, "kernels/input", "kernels/optimizer", "models/networks"],
    "models/generation": [*RUNTIME, *KERNELS, "models/networks", "models/checkpoint"],
    "models/run": [*RUNTIME, *KERNELS, "models/networks", "models/training", "models/data",
                   "models/checkpoint", "models/generation"],
    "models/parity": [*RUNTIME, *KERNELS, "models/networks", "models/training"],
    "models/profiling": [*RUNTIME, *KERNELS, "models/networks", "models/training", "models/data",
                         "models/generation"],
    "models/evaluation": [*RUNTIME, *KERNELS, "models/networks", "models/data",
                          "models/generation"],
    "models/export": [*RUNTIME, "models/networks", "models/checkpoint", "models/generation"],
    "models/api": [*RUNTIME, *KERNELS, "models/include", "models/networks", "models/training",
                   "models/data", "models/checkpoint", "models/generation"],
    "apps": [*RUNTIME, *MODELS],
    "tests": [*RUNTIME, *KERNELS, *MODELS, "models/include", "apps", "benchmarks"],
    "benchmarks": [*RUNTIME, *KERNELS, *MODELS, "tests"],
}
# Headers that wrap a vendor's library, for .cpp and .cu files; so do those in a folder cuda/.
PRIVATE = {"kernels/vendor/onednn.h",
           *(f"runtime/comm/mpi/{name}.h" for name in ("check", "reductions", "waiting")),
           *(f"runtime/comm/nccl/{name}.h"
             for name in ("check", "handle", "nccl_communicator", "watchdog"))}
PRIVATE_FOLDER = re.compile(r"^(runtime|kernels)/.*/?cuda/")
TOP_FOLDERS = ("runtime", "kernels", "models", "apps", "tests", "benchmarks")
HEADERS = {".h", ".hpp"}
SOURCES = HEADERS | {".c", ".cpp", ".cu", ".cuh"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
VENDOR = re.compile(
    r"^(cuda|cudnn|cublas|cufft|curand|cub/|cooperative_groups|device_launch_parameters|mma\.h"
    r"|nvtx3/|nvrtc|nccl|mpi\.h|oneapi/dnnl|dnnl|jpeglib\.h|turbojpeg\.h|jerror\.h|png\.h|zlib\.h)")


def room_of(path):
    """The room that `path` (from the root, with slashes) lies in, or None."""
    rooms = [room for room in ALLOWED if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def may_include(room, other):
    return other == room or any(other == a or other.startswith(a + "/") for a in ALLOWED[room])


def circle(table):
    """Rooms that reach themselves, in order, or nothing. tests and benchmarks may see each other."""
    done = {"tests", "benchmarks"}

    def visit(room, trail):
        if room in trail:
            return trail[trail.index(room):] + [room]
        if room in done:
            return None
        for below in table.get(room, []):
            found = visit(below, [*trail, room])
            if found:
                return found
        done.add(room)
        return None

    return next((found for room in table if (found := visit(room, []))), None)


def source_files(root):
    """Files that git tracks; in a folder that is no checkout, all that lie in the rooms."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--", *TOP_FOLDERS],
        capture_output=True, check=False)
    if listed.returncode == 0 and (root / ".git").exists():
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        names = [p.relative_to(root).as_posix() for top in TOP_FOLDERS
                 for p in (root / top).rglob("*")]
    return sorted(n for n in names
                  if pathlib.PurePath(n).suffix in SOURCES and (root / n).is_file())


def resolve(root, includer, name):
    """Path from the root of the project's file that an include names, or None."""
    beside = pathlib.PurePosixPath(includer).parent / name
    for candidate in (name, f"models/include/{name}", os.path.normpath(str(beside))):
        # A .in beside it: configure writes the header under the same path in the build tree.
        if (root / candidate).is_file() or (root / f"{candidate}.in").is_file():
            return candidate
    return None


def check_include(root, path, bracket, name):
    """What is wrong with one include, or None."""
    is_header = pathlib.PurePath(path).suffix in HEADERS
    # Tests and benchmarks talk to vendors' libraries as they need.
    shielded = path.startswith(("runtime/", "kernels/", "models/", "apps/"))
    carries_vendor = path in PRIVATE or bool(PRIVATE_FOLDER.match(path))
    # A file beside the includer does not answer for <nccl.h>.
    if VENDOR.match(name) and (bracket == "<" or resolve(root, path, name) is None):
        if is_header and shielded and not carries_vendor:
            return f"<{name}> in a header: vendors' headers belong in .cpp, .cu and .cuh files"
        return None
    target = resolve(root, path, name)
    if target is None:
        return f'"{name}" is no file of the project' if bracket == '"' else None
    if bracket == '"' and target != name and not target.startswith("models/include/"):
        return f'"{name}": name it from the root, "{target}"'
    room, other = room_of(path), room_of(target)
    if other is None:
        return f"{target} lies in no room that scripts/check_layering.py knows"
    if is_header and shielded and target in PRIVATE and not carries_vendor:
        return f"{target} carries a vendor's header: include it in .cpp and .cu files only"
    if not may_include(room, other):
        return f"{room} may not include {other} ({name})"
    return None


def check_arrows(root, files):
    violations = []
    for path in files:
        if room_of(path) is None:
            violations.append(f"{path}:1: lies in no room that scripts/check_layering.py knows")
            continue
        text = (root / path).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            fault = check_include(root, path, found[1], found[2]) if found else None
            if fault:
                violations.append(f"{path}:{number}: {fault}")
    return violations


def compile_header(root, build, path):
    """First error line of a translation unit that holds `path` alone, or None."""
    is_c = path.endswith(".h") and path.startswith("models/include/")
    tool, language = (("CC", "c99"), ("CXX", "c++20"))[not is_c]
    compiler = os.environ.get(tool) or shutil.which("gcc" if is_c else "g++") or "c++"
    command = [compiler, "-x", "c" if is_c else "c++", f"-std={language}", "-fsyntax-only", "-Wall",
               "-Wextra", f"-I{root}", f"-I{root}/models/include", f"-I{build}/generated",
               "-include", str(root / path), "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0 and not done.stderr:
        return None
    first = next((l for l in done.stderr.splitlines() if "error" in l or "warning" in l), "failed")
    return f"{path}:1: does not compile on its own: {first}"


def check_headers(root, build, files):
    headers = [f for f in files if pathlib.PurePath(f).suffix in HEADERS and f not in PRIVATE
               and not PRIVATE_FOLDER.match(f) and not f.startswith(("tests/", "benchmarks/"))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = pool.map(lambda path: compile_header(root, build, path), headers)
        return len(headers), [fault for fault in faults if fault]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--root", type=pathlib.Path, default=here, help="tree to check")
    parser.add_argument("--headers", action="store_true", help="compile each header on its own")
    parser.add_argument("--build", type=pathlib.Path, default=here / "build/ci",
                        help="configured build folder, for the generated headers")
    options = parser.parse_args()
    root = options.root.resolve()
    round_trip = circle(ALLOWED)
    if round_trip:
        print(f"check_layering: the table has a circle: {' -> '.join(round_trip)}", file=sys.stderr)
        return 1
    files = source_files(root)
    if not files:
        print(f"check_layering: no source file under {root}", file=sys.stderr)
        return 1
    violations = check_arrows(root, files)
    compiled = 0
    if options.headers:
        compiled, faults = check_headers(root, options.build.resolve(), files)
        violations += faults
    for violation in violations:
        print(violation)
    alone = f", {compiled} headers compiled alone" if options.headers else ""
    verdict = f"{len(violations)} violations" if violations else "every include runs the right way"
    print(f"check_layering: {len(files)} files{alone}: {verdict}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Compiles every CUDA kernel and fails when one spills registers or uses a stack.

    scripts/check_ptxas.py [--all | --arch 90 ...] [--jobs 2] [--verbose] [FILE.cu ...]

Without files: every .cu under kernels/. --all: for each architecture that releases carry. Local memory (spills, stack frames, arrays indexed at run
time) costs a round trip to the first-level cache or worse, and is never meant here. Needs nvcc
(--nvcc, $NVCC, or the PATH) and a C++20 host compiler, no GPU. Nothing is written to the tree.
Exit: 0 none does, 1 one does or does not compile, 77 there is no nvcc.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASED = ["80", "90", "100"]  # as the preset cuda-release
SKIPPED = 77
NAME = pathlib.Path(sys.argv[0]).stem  # also that of check_sass.py, which uses this file

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
MEMORY = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def parse(text):
    """Kernels in ptxas -v output: dicts of name, arch, stack, stores, loads, registers."""
    kernels = []
    for line in text.splitlines():
        if entry := ENTRY.search(line):
            kernels.append({"name": entry[1], "arch": entry[2], "stack": None, "registers": None})
        elif not kernels:
            continue
        elif (memory := MEMORY.search(line)) and kernels[-1]["stack"] is None:
            stack, stores, loads = map(int, memory.groups())
            kernels[-1].update(stack=stack, stores=stores, loads=loads)
        elif used := REGISTERS.search(line):
            kernels[-1]["registers"] = int(used[1])
    return kernels


def faults(kernels):
    """One line for each kernel that uses local memory, or whose figures ptxas did not give."""
    lines = []
    for kernel in kernels:
        where = f"{readable(kernel['name'])} ({kernel['arch']})"
        if kernel["stack"] is None or kernel["registers"] is None:
            lines.append(f"{where}: ptxas gave no figures")
        elif kernel["stack"] or kernel["stores"] or kernel["loads"]:
            lines.append(f"{where}: {kernel['stack']} bytes of stack, {kernel['stores']} bytes "
                         f"of spill stores, {kernel['loads']} of spill loads, "
                         f"{kernel['registers']} registers")
    return lines


def readable(name):
    demangler = shutil.which("c++filt")
    if demangler is None:
        return name
    full = subprocess.run([demangler, name], capture_output=True, text=True, check=True)
    return re.sub(r"\(anonymous namespace\)::|dcgan::|cuda::|\(.*", "", full.stdout.strip())


def find_nvcc(given):
    if given and not pathlib.Path(given).exists():
        sys.exit(f"{NAME}: no {given}")
    named = given or os.environ.get("NVCC")
    places = [named] if named else [shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"]
    for place in places:
        if place and pathlib.Path(place).exists():
            return place
    print(f"{NAME}: no nvcc (give --nvcc, set NVCC, or put it on the PATH)", file=sys.stderr)
    sys.exit(SKIPPED)


def write_build_config(folder):
    """The header that CMake would generate; no kernel depends on its values."""
    template = (ROOT / "runtime/base/build_config.h.in").read_text()
    target = folder / "runtime/base/build_config.h"
    target.parent.mkdir(parents=True)
    values = {"DCGAN_HAS_CUDA": "true", "DCGAN_EMULATED": "false"}
    target.write_text(re.sub(r"@(\w+)@", lambda match: values.get(match[1], ""), template))


def nvcc_command(nvcc, folder):
    """The flags of the build that matter to code: optimised, C++20, default precise arithmetic."""
    return [nvcc, "-std=c++20", "-O3", "-DFMT_USE_CONSTEXPR=1", "-Werror", "all-warnings",
            f"-I{ROOT}", f"-I{folder}"]


def own_name(arch):
    """The architecture with its own instructions, as builds have it: cmake/DcganCuda.cmake."""
    return "90a" if arch == "90" else arch


def compile_file(nvcc, source, archs, folder):
    # -fatbin leaves out the host's half, a third of the time.
    command = nvcc_command(nvcc, folder) + ["-Xptxas", "-v"]
    for arch in archs:
        own = own_name(arch)
        command += ["-gencode", f"arch=compute_{own},code=sm_{own}"]
    output = folder / (source.stem + ".fatbin")
    return subprocess.run(command + ["-fatbin", str(source), "-o", str(output)],
                          capture_output=True, text=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--nvcc")
    options.add_argument("--arch", action="append", help="compute capability, default 90")
    options.add_argument("--all", action="store_true", help="capabilities " + ", ".join(RELEASED))
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--verbose", action="store_true", help="print every kernel's registers")
    options.add_argument("files", nargs="*", type=pathlib.Path)
    args = options.parse_args()
    nvcc = find_nvcc(args.nvcc)
    archs = RELEASED if args.all else args.arch or ["90"]
    sources = [path.resolve() for path in args.files] or sorted((ROOT / "kernels").rglob("*.cu"))
    if not sources:
        sys.exit("check_ptxas: no .cu file to check")
    bad, kernels = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        write_build_config(folder)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            results = pool.map(lambda source: compile_file(nvcc, source, archs, folder), sources)
            for source, result in zip(sources, results):
                if result.returncode != 0:
                    bad.append(f"{source.name}: does not compile\n{result.stderr.strip()}")
                    continue
                found = parse(result.stdout + result.stderr)
                kernels += found
                if not found:
                    bad.append(f"{source.name}: ptxas reported no kernel")
                bad += [f"{source.name}: {line}" for line in faults(found)]
    if args.verbose:
        for kernel in kernels:
            print(f"{kernel['registers']:4} {kernel['arch']} {readable(kernel['name'])}")
    for line in bad:
        print(line, file=sys.stderr)
    print(f"{len(kernels)} kernels of {len(sources)} files, {', '.join('sm_' + a for a in archs)}: "
          + (f"{len(bad)} at fault" if bad else "no spills, no stack"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

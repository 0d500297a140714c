#!/usr/bin/env python3
"""Reads the machine code of every kernel that uses tensor cores or asynchronous copies.

    scripts/check_sass.py [--arch 90] [--jobs 2] [--verbose] [FILE.cu ...]

Each kernel of a file that includes tensor_core.h or async_copy.h (kernels/common/cuda) needs a row
in KERNELS below, and must contain the instructions that the row lists and no access to local memory.
Without files: every such .cu under kernels/, and tests/scripts/tile_product.cu. Needs nvcc (as
check_ptxas.py) and NVIDIA's cuobjdump and nvdisasm (--cuobjdump, $CUOBJDUMP, the PATH, beside nvcc,
or the packages nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm: of the running Python, or in
build/cuda-tools, where test.sh puts them). No GPU.
Exit: 0 all as listed, 1 one is not or does not compile, 77 a tool is missing.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile

import check_ptxas

ROOT = check_ptxas.ROOT
HEADERS = {"kernels/common/cuda/tensor_core.h", "kernels/common/cuda/async_copy.h"}
PROBE = ROOT / "tests/scripts/tile_product.cu"

# HMMA: mma.sync. LDSM: ldmatrix. LDGSTS: cp.async. The first pattern found in a kernel's readable
# name decides; () for a kernel that uses neither, in a file that has one which does.
KERNELS = [
    (r"tile_product_kernel", ("HMMA.16816.F32.BF16", "LDSM", "LDGSTS")),
    (r"tile_product_tf32_kernel", ("HMMA.1688.F32.TF32", "LDSM", "LDGSTS")),
    # The forward kernel keeps the weights in registers and reads single words of the image.
    (r"small_channel_tensor_forward_kernel<bf16", ("HMMA.16816.F32.BF16", "LDGSTS")),
    (r"small_channel_tensor_forward_kernel<float", ("HMMA.1688.F32.TF32", "LDGSTS")),
    (r"small_channel_tensor_\w+_kernel<bf16", ("HMMA.16816.F32.BF16", "LDSM", "LDGSTS")),
    (r"small_channel_tensor_backward_data_kernel<float", ("HMMA.1688.F32.TF32", "LDSM", "LDGSTS")),
    # ldmatrix transposes 16-bit values only.
    (r"small_channel_tensor_backward_weights_kernel<float", ("HMMA.1688.F32.TF32", "LDGSTS")),
    (r"sum_columns_kernel", ()),
    # Tiles whose warps are all down: warpgroups, which read shared memory themselves.
    (r"tensor_core_\w+_kernel<.*TileSizes<\d+, \d+, \d+, \d+, (8|16), 1, ", ("HGMMA", "LDGSTS")),
    (r"tensor_core_(down|up)_statistics_kernel", ("HMMA.16816.F32.BF16", "LDSM", "LDGSTS")),
    (r"tensor_core_(down|up|weights)_kernel<bf16", ("HMMA.16816.F32.BF16", "LDSM", "LDGSTS")),
    (r"tensor_core_(down|up)_kernel<float", ("HMMA.1688.F32.TF32", "LDSM", "LDGSTS")),
    # ldmatrix transposes 16-bit values only.
    (r"tensor_core_weights_kernel<float", ("HMMA.1688.F32.TF32", "LDGSTS")),
]
LOCAL = ("LDL", "STL")  # loads and stores of local memory

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
FUNCTION = re.compile(r"^\s*Function : (\S+)")
INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)")


def includes(path, seen=None):
    """The project's headers that a file includes, directly or not, relative to the root."""
    seen = set() if seen is None else seen
    for name in INCLUDE.findall(path.read_text()):
        if name not in seen and (ROOT / name).is_file():
            seen.add(name)
            includes(ROOT / name, seen)
    return seen


def parse(text):
    """Kernel name -> its instructions, in order, from `cuobjdump -sass`."""
    kernels = {}
    instructions = None
    for line in text.splitlines():
        if function := FUNCTION.search(line):
            instructions = kernels.setdefault(function[1], [])
        elif instructions is not None and (found := INSTRUCTION.search(line)):
            instructions.append(found[1])
    return kernels


def is_kind(instruction, kind):
    return instruction == kind or instruction.startswith(kind + ".")


def faults(name, instructions):
    """One line for each instruction that a kernel lacks or must not have."""
    kernel = check_ptxas.readable(name)
    rows = [required for pattern, required in KERNELS if re.search(pattern, kernel)]
    if not rows:
        return [f"{kernel}: has no row in KERNELS of scripts/check_sass.py"]
    lines = [f"{kernel}: has no {kind}" for kind in rows[0]
             if not any(is_kind(one, kind) for one in instructions)]
    lines += [f"{kernel}: has {kind}, an access to local memory" for kind in LOCAL
              if any(is_kind(one, kind) for one in instructions)]
    return lines


def find_cuobjdump(given, nvcc):
    if given and not pathlib.Path(given).exists():
        sys.exit(f"check_sass: no {given}")
    packages = pathlib.Path(sysconfig.get_paths()["purelib"])
    named = given or os.environ.get("CUOBJDUMP")
    places = [named] if named else [
        shutil.which("cuobjdump"), pathlib.Path(nvcc).resolve().parent / "cuobjdump",
        *sorted(packages.glob("nvidia/cu*/bin/cuobjdump")),
        *sorted((ROOT / "build/cuda-tools").glob("nvidia/cu*/bin/cuobjdump"))]
    for place in places:
        if place and pathlib.Path(place).exists():
            return str(place)
    print("check_sass: no cuobjdump (give --cuobjdump, set CUOBJDUMP, or install the Python "
          "packages nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm)", file=sys.stderr)
    sys.exit(check_ptxas.SKIPPED)


def disassemble(nvcc, cuobjdump, source, arch, folder):
    """(kernels, error): of one file, or what stopped it."""
    cubin = folder / (source.stem + ".cubin")
    command = check_ptxas.nvcc_command(nvcc, folder)
    command += ["-arch", "sm_" + check_ptxas.own_name(arch)]
    done = subprocess.run(command + ["-cubin", str(source), "-o", str(cubin)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return {}, "does not compile\n" + done.stderr.strip()
    # cuobjdump starts nvdisasm, which lies beside it.
    path = os.pathsep.join([str(pathlib.Path(cuobjdump).parent), os.environ.get("PATH", "")])
    done = subprocess.run([cuobjdump, "-sass", str(cubin)], capture_output=True, text=True,
                          env={**os.environ, "PATH": path})
    if done.returncode != 0:
        return {}, "cuobjdump fails\n" + done.stderr.strip()
    kernels = parse(done.stdout)
    return kernels, None if kernels else "cuobjdump shows no kernel"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--nvcc")
    options.add_argument("--cuobjdump")
    options.add_argument("--arch", default="90", help="compute capability, default 90")
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--verbose", action="store_true", help="print every kernel's counts")
    options.add_argument("files", nargs="*", type=pathlib.Path)
    args = options.parse_args()
    nvcc = check_ptxas.find_nvcc(args.nvcc)
    cuobjdump = find_cuobjdump(args.cuobjdump, nvcc)
    every = [*sorted((ROOT / "kernels").rglob("*.cu")), PROBE]
    sources = [path.resolve() for path in args.files] or [
        path for path in every if HEADERS & includes(path)]
    bad, count = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        check_ptxas.write_build_config(folder)
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            results = pool.map(
                lambda source: disassemble(nvcc, cuobjdump, source, args.arch, folder), sources)
            for source, (kernels, error) in zip(sources, results):
                bad += [f"{source.name}: {error}"] if error else []
                count += len(kernels)
                for name, instructions in kernels.items():
                    bad += [f"{source.name}: {line}" for line in faults(name, instructions)]
                    if args.verbose:
                        kinds = [one.split(".")[0] for one in instructions]
                        print(f"{len(kinds):6} instructions", *(
                            f"{kinds.count(kind):4} {kind}" for kind in ("HMMA", "LDSM", "LDGSTS")),
                            "", check_ptxas.readable(name))
    for line in bad:
        print(line, file=sys.stderr)
    print(f"{count} kernels of {len(sources)} files, sm_{args.arch}: "
          + (f"{len(bad)} faults" if bad else "all have the instructions they should"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

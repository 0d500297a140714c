"""What the check runs, in which order, for how long."""

import dataclasses
import os
import pathlib
import shlex
import shutil
import sys

# Bounds of float32 on a GPU: sums of another order, and division and square root in Adam that
# magnify them; a wrong program is further off by a factor of a hundred.
FP32_BOUNDS = ["--bound", "1e-4", "--gradient-bound", "1e-3"]
# Under memcheck the convolutions' tests outlast everything else.
SLOW_UNDER_SANITIZER = "~[#conv_test]~[#tuning_test]~[#block_test]"
FIRST_PROGRAMS = ("test_device", "test_cuda", "test_kernels")
WITHOUT_CACHE = ["env", "DCGAN_CACHE=off"]  # tests expect no plan of anybody's
LIMIT = "{limit_s}"  # in a command: the seconds that it has


@dataclasses.dataclass
class Step:
    name: str
    limit_s: int
    command: list = dataclasses.field(default_factory=list)
    after: str = ""  # a step that must have passed
    needs_s: int = 5  # with less time than this left it is not worth starting
    skip: str = ""  # why it cannot run here
    report: str = ""  # file of the results that gets the step's JSON, Machine.report(name)
    picture: str = ""
    quiet: bool = False  # a long table: it goes to the log alone
    plain: bool = False  # without the libraries of the bundle: PyTorch brings its own


@dataclasses.dataclass
class Machine:
    """What the steps are made from."""

    root: pathlib.Path
    build: pathlib.Path
    scratch: pathlib.Path
    shared: pathlib.Path
    torch_python: str  # empty: there is none
    rehearse: bool
    program_environment: dict  # what our programs need beside the machine's environment
    gpus: int  # of the machine; 0: it does not say

    def program(self):
        return str(self.build / "dcgan")

    def report(self, name):
        return str(self.scratch / f"{name}.json")


# A rehearsal is small enough for the emulated device: seconds a step.
TINY = ["--nz", "4", "--ngf", "4", "--ndf", "4", "--peak-tflops", "1", "--peak-gbs", "1",
        "--repeats", "1", "--warm-up", "1"]


def traces(machine, wanted):
    """`dcgan verify` for the lines of traces.txt that `wanted` accepts, in three precisions."""
    folder = machine.shared / "parity"
    skip = "" if folder.is_dir() else f"no folder {folder}"
    for line in (machine.root / "scripts/traces.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, file, *options = line.split()
        if not wanted(name):
            continue
        for precision in ("fp32", "tf32", "bf16"):
            command = [machine.program(), "verify", "--device", "cuda", "--tune", "off",
                       "--precision", precision, "--trace", folder / f"{file}.safetensors",
                       *options, *(FP32_BOUNDS if precision == "fp32" else [])]
            yield Step(f"trace_{name}_{precision}", 45, command, skip=skip, quiet=True)


def bench(machine, batch, overlap="all"):
    name = f"step_bf16_{batch}" + ("" if overlap == "all" else f"_overlap_{overlap}")
    size = ["--preset", "pytorch", "--batch-size", batch, "--repeats", 100, "--warm-up", 20,
            "--blocks"]
    if machine.rehearse:
        # The first is tuned, so that the plan cache is filled.
        tune = "heuristic" if batch == 64 else "off"
        size = ["--preset", "libtorch", "--batch-size", 2, "--tune", tune, *TINY, "--no-generate"]
    # Most of it is tuning: some of the library's plans take a second to build. Those that were
    # judged before a stop are in the plan cache.
    return Step(name, 110, [machine.program(), "bench", "--device", "cuda", "--precision", "bf16",
                           "--overlap", overlap, *size, "--out", machine.report(name)],
                report="bench.json")


def ours(machine, generate):
    """The command with which compare.py measures this engine."""
    setting = [f"{name}={value}" for name, value in machine.program_environment.items()]
    start = shlex.join(["env", *setting, machine.program()]).replace("{", "{{").replace("}", "}}")
    size = "--preset {preset} --image-size {image_size} --channels {channels} " \
           "--batches {batches} --repeats 50 --warm-up 20 --peak-tflops 1 --peak-gbs 1"
    if machine.rehearse:
        size = f"--preset libtorch --batches {{batches}} --tune off {shlex.join(TINY)}"
    size += "" if generate else " --no-generate"
    return f"{start} bench --device cuda --precision {{precision}} {size} --json"


def peers(machine, name, batches, variants, limits_s, generate):
    """PyTorch's set-ups in turns with ours; `limits_s`: of the step, of the set-up in it."""
    command = [machine.torch_python, "benchmarks/peers/compare.py", "--device", "cuda",
               "--standing", "--batch", batches, "--variants", variants, "--rounds", 5,
               "--repeats", 50, "--set-up-limit-s", limits_s[1], "--time-limit-s", LIMIT,
               "--ours", ours(machine, generate), "--json", machine.report(name)]
    command += [] if generate else ["--steps-only"]
    stand_in = os.environ.get("DCGAN_REHEARSAL_PEER", "")
    skip = "" if machine.torch_python else "no Python with PyTorch (DCGAN_TORCH_PYTHON)"
    if machine.rehearse:
        skip = "" if stand_in else "times mean something on a GPU only (DCGAN_REHEARSAL_PEER)"
        command[0] = sys.executable
        command += ["--peer", stand_in, "--rounds", 1, "--batch", 2]
    return Step(name, limits_s[0], command, needs_s=2 if machine.rehearse else 120, skip=skip,
                report="peers.json", plain=True)


def memory_bound(machine):
    name = "ops_bf16"
    program = machine.build / "dcgan_bench_ops"
    size = ["--smoke"] if machine.rehearse else ["--batches", "1024,128"]
    return Step(name, 75, [program, "--device", "cuda", "--precision", "bf16", "--only",
                           "memory-bound", *size, "--out", machine.report(name)],
                skip="" if program.is_file() else "this build has no dcgan_bench_ops",
                report="bench.json")


def tests(machine, wanted):
    listed = machine.build / "tests/gpu_programs"
    if not listed.is_file():
        yield Step("tests", 5, skip=f"no {listed}: a build without tests")
        return
    for name in listed.read_text(encoding="utf-8").split():
        program = machine.build / "tests" / name
        if not wanted(name):
            continue
        options = ["--durations", "yes"]
        skip = "" if program.is_file() else f"no {program}"
        if machine.rehearse:
            skip = skip or ("" if name == "test_kernels" else "a ctest of the emulated build")
            options += ["a NaN logit*"]
        yield Step(name, 180, [*WITHOUT_CACHE, program, *options], needs_s=10, skip=skip)


def sanitizer(machine):
    tool_program = shutil.which("compute-sanitizer")
    cases = "a NaN logit*" if machine.rehearse else SLOW_UNDER_SANITIZER
    for tool in ("memcheck", "racecheck", "synccheck"):
        # Tests provoke errors of the API on purpose.
        command = [*WITHOUT_CACHE, tool_program, "--tool", tool, "--report-api-errors", "no",
                   "--error-exitcode", "1", machine.build / "tests/test_kernels",
                   "--filenames-as-tags", cases]
        yield Step(tool, 100, command, needs_s=5 if machine.rehearse else 30,
                   skip="" if tool_program else "compute-sanitizer is not installed here")


def training(machine):
    """A short training, whose picture is kept, and a sample of what it saved."""
    out = machine.scratch / "training"
    mnist = machine.shared / "data/mnist"
    data = ["--dataset", "mnist", "--data", mnist] if mnist.is_dir() else ["--dataset", "strokes"]
    size = ["--steps", 600, "--batch-size", 64, "--log-every", 50]
    if machine.rehearse:
        data = ["--dataset", "strokes", "--strokes-count", 8]
        size = ["--steps", 2, "--batch-size", 4, "--ngf", 4, "--ndf", 4, "--nz", 4, "--tune", "off",
                "--sample-count", 4]
    yield Step("train", 90, [machine.program(), "train", "--device", "cuda", "--preset", "mnist32",
                             "--precision", "bf16", *data, *size, "--out", out],
               needs_s=20 if not machine.rehearse else 5, picture=str(out / "samples.png"))
    yield Step("sample", 30, [machine.program(), "sample", "--device", "cuda", "--checkpoint", out,
                              "--n", 4 if machine.rehearse else 16,
                              "--out", machine.scratch / "again.png"], after="train")


def ranks(machine):
    """A rank on every GPU, where there are several: their sums, a step with its collectives in the
    graph, and the same images a second on one."""
    skip = ""
    if machine.rehearse or machine.gpus < 2:
        skip = "one GPU here: test_comm has its one rank, inside a graph"
    every = ["--gpus", machine.gpus]
    yield Step("all_reduce", 60, [machine.program(), "bench", "--all-reduce", *every, "--out",
                                  machine.report("all_reduce")], skip=skip)
    size = ["--dataset", "strokes", "--preset", "pytorch", "--channels", 1, "--image-size", 64,
            "--precision", "bf16", "--batch-size", 64, "--steps", 200, "--log-every", 50]
    for name, options in (("ranks_1", ["--gpus", 1]), ("ranks", every),
                          ("ranks_sync", [*every, "--sync-batch-norm"])):
        yield Step(name, 60, [machine.program(), "train", *options, *size, "--out",
                              machine.scratch / name], needs_s=20, skip=skip)


def first(machine):
    """What a first call is for: is it right, how fast is it."""
    main_trace = "dc28" if machine.rehearse else "dc64"
    yield from traces(machine, lambda name: name == main_trace)
    for batch in (64, 128, 1024):
        yield bench(machine, batch)
    yield peers(machine, "peers", "64,128,1024", "P1,P2,P3,P4,P5", (240, 120), generate=True)
    yield memory_bound(machine)
    yield from tests(machine, lambda name: name in FIRST_PROGRAMS)


def second(machine):
    """What is left over."""
    main_trace = "dc28" if machine.rehearse else "dc64"
    yield peers(machine, "peers_search", "128", "P4,P5,P5t", (240, 190), generate=False)
    for overlap in ("none", "launches", "branches"):  # what each is worth
        yield bench(machine, 128, overlap)
    yield from sanitizer(machine)
    kept = ("hinge",) if machine.rehearse else None
    yield from traces(machine, lambda name: name != main_trace and (not kept or name in kept))
    yield from training(machine)
    yield from ranks(machine)
    yield from tests(machine, lambda name: name not in FIRST_PROGRAMS)


PARTS = {"first": [first], "second": [second], "all": [first, second]}


def steps(machine, part):
    return [step for make in PARTS[part] for step in make(machine)]

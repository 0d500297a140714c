#!/usr/bin/env python3
"""Times this engine and its PyTorch peers in turns, and prints one table with ratios.

    benchmarks/peers/compare.py --image-size 64 --batch 64 --threads 2 --rounds 5 \\
        --python build/torch/bin/python --json out/peers.json
    benchmarks/peers/compare.py --device cuda --image-size 64 --batch 64,128,1024 --rounds 5 \\
        --python build/torch/bin/python --json out/peers-gpu.json

One process a peer and a round: ours first in odd rounds, last in even ones. A ratio is taken inside
each round (so that a slow spell hurts both sides) and its median over the rounds is shown: above 1,
we are faster. A win is claimed only against the best peer of the same task, number type and batch,
when it holds in every round; on a GPU only when P1 to P5 were all measured, in five rounds or more
(bf16 and f16 count as one number type).

The variant `libtorch` (CPU only) is benchmarks/peers/libtorch_dcgan.

--ours is the command that measures this engine; {preset}, {image_size}, {channels}, {batch},
{threads} and {precision} in it are filled in. It prints one JSON object with a list `results` of
    {"task": "train", "name": "step", "dtype": "f32", "batch": 64, "median_ms": 100.0}
(task: train or generate; dtype: f32 or bf16; "precision": "tf32" beside the list makes f32 tf32).
"""

import argparse
import dataclasses
import json
import pathlib
import shlex
import subprocess
import sys

import verdicts

HERE = pathlib.Path(__file__).resolve().parent
TASKS = ("train", "generate")  # our report has more, which no peer has
SHAPE = ("image_size", "channels", "threads")
OURS = ("build/release/dcgan bench --device {device} --preset {{preset}} "
        "--image-size {{image_size}} --channels {{channels}} --batch-size {{batch}} "
        "--precision {{precision}}{more} --json")


@dataclasses.dataclass(frozen=True)
class Peers:
    """What is measured on a device unless options say otherwise."""

    program: str
    variants: str
    with_generator: tuple  # the first of these that is listed times the generator alone too
    ours: str
    precision: str
    repeats: int


PEERS = {
    "cpu": Peers("pytorch_cpu.py", "C0,C1,C2,C3,B1,B3", ("C3", "B3"),
                 OURS.format(device="cpu", more=" --threads {threads}"), "fp32", 5),
    "cuda": Peers("pytorch_gpu.py", "P0,P1,P1h,P2,P3,P4,P5", ("P5",),
                  OURS.format(device="cuda", more=""), "bf16", 100),
}


def batches(text):
    sizes = [int(word) for word in text.split(",")]
    if min(sizes) < 1:
        raise ValueError(text)
    return sizes


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=tuple(PEERS), default="cpu")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=batches, default=[64], help="sizes, comma-separated")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"),
                        help="of ours (default: fp32 on the CPU, bf16 on a GPU)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int,
                        help="timed steps of a peer in a round (default: CPU 5, GPU 100)")
    parser.add_argument("--variants", help="peers, comma-separated (default: all of PyTorch's)")
    parser.add_argument("--ours", help="command template")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--peer", help="the peers' program (default: the device's, beside this)")
    parser.add_argument("--libtorch", default="build/libtorch/libtorch_dcgan",
                        help="program of the variant libtorch (default: %(default)s)")
    parser.add_argument("--json", type=pathlib.Path, help="also writes everything to this file")
    options = parser.parse_args()
    peers = PEERS[options.device]
    options.precision = options.precision or peers.precision
    options.repeats = options.repeats or peers.repeats
    options.ours = options.ours or peers.ours
    options.peer = options.peer or str(HERE / peers.program)
    options.variants = (options.variants or peers.variants).split(",")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.device == "cuda" and "libtorch" in options.variants:
        parser.error("the variant libtorch runs on the CPU")
    return options


def commands(options, batch):
    """{who: command}: ours, then one for each peer."""
    shape = {name: getattr(options, name) for name in SHAPE} | {"batch": batch}
    preset = "libtorch" if options.image_size == 28 else "pytorch"
    ours = options.ours.format(**shape, preset=preset, precision=options.precision)
    listed = {"ours": shlex.split(ours)}
    compiled = [name for name in PEERS[options.device].with_generator if name in options.variants]
    with_generator = (compiled or options.variants)[0]
    common = ["--json", "--repeats", str(options.repeats)]
    for name, value in shape.items():
        common += [f"--{name.replace('_', '-')}", str(value)]
    for variant in options.variants:
        if variant == "libtorch":
            command, generates = [options.libtorch] + common, True
        else:
            command = [options.python, options.peer, "--variants", variant] + common
            generates = variant == with_generator
        # The peers time the generator at batches of their own: once is enough.
        once = generates and batch == options.batch[0]
        listed[variant] = command + ([] if once else ["--no-inference"])
    return listed


# Of a report, what tells which program ran, on what: ours has the first, the peers the others.
IDENTITY = ("machine", "version", "processor", "device")


def measure(who, command):
    """One command's results, {(task, name, dtype, batch): median_ms}, and who gave them."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{who}: {shlex.join(command)} left with {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    report = json.loads(done.stdout)
    if report.get("rehearsal"):
        raise RuntimeError(f"{who}: {shlex.join(command)} was a rehearsal, which has no figures")
    program = "dcgan" if who == "ours" else report.get("program", "pytorch")
    tf32 = report.get("precision") == "tf32"
    figures = {(row["task"], f"{program} {row['name']}",
                "tf32" if tf32 and row["dtype"] == "f32" else row["dtype"],
                row["batch"]): row["median_ms"]
               for row in report["results"] if row["task"] in TASKS}
    return figures, {program: {key: report[key] for key in IDENTITY if key in report}}


def run_rounds(options):
    """[{key: median_ms}], one a round, and {program: what it says it is}."""
    rounds = []
    programs = {}
    for number in range(options.rounds):
        figures = {}
        for batch in options.batch:
            listed = list(commands(options, batch).items())
            for who, command in listed if number % 2 == 0 else reversed(listed):
                measured, program = measure(who, command)
                figures |= measured
                programs |= program
        rounds.append(figures)
        print(f"compare: round {number + 1} of {options.rounds} done", file=sys.stderr)
    return rounds, programs


def print_table(rows):
    print(f"{'task':9} {'type':5} {'batch':>5}  {'program':22} {'ms':>9} {'min':>9} {'max':>9} "
          f"{'images/s':>9} {'to ours':>8}")
    for row in rows:
        ratio = f"{row['ratio']:.2f}x" if row["ratio"] else "-"
        mark = "  best peer" if row["best_peer"] else ""
        print(f"{row['task']:9} {row['dtype']:5} {row['batch']:5}  {row['name']:22} "
              f"{row['median_ms']:9.3f} {min(row['rounds_ms']):9.3f} {max(row['rounds_ms']):9.3f} "
              f"{row['images_per_s']:9.1f} {ratio:>8}{mark}")
    for row in rows:
        if "verdict" in row:
            print(f"{row['task']} {row['dtype']} batch {row['batch']}: {row['verdict']}")


def main():
    options = parse_options()
    try:
        rounds, programs = run_rounds(options)
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    rows = verdicts.summarise(rounds, options.device)
    print_table(rows)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        setting = {name: getattr(options, name)
                   for name in ("device", "precision", *SHAPE, "batch", "rounds")}
        report = setting | {"programs": programs, "rows": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
        print(f"compare: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

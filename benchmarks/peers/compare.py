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

--json is rewritten after every measurement: a comparison that is stopped leaves its whole rounds,
and of the first round what was measured. With --time-limit-s no measurement starts that would, by
what it took the round before, end after the limit.

The variant `libtorch` (CPU only) is benchmarks/peers/libtorch_dcgan.

--ours is the command that measures this engine; {preset}, {image_size}, {channels}, {batch},
{threads} and {precision} in it are filled in. It prints one JSON object with a list `results` of
    {"task": "train", "name": "step", "dtype": "f32", "batch": 64, "median_ms": 100.0}
(task: train or generate; dtype: f32 or bf16; "precision": "tf32" beside the list makes f32 tf32).
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

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
    parser.add_argument("--steps-only", action="store_true",
                        help="no peer times the generator alone, in its 24 set-ups")
    parser.add_argument("--time-limit-s", type=float, help="seconds for everything")
    parser.add_argument("--keep-going", action="store_true",
                        help="a peer that fails is left out from then on; exit code 1 at the end")
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
        once = generates and batch == options.batch[0] and not options.steps_only
        listed[variant] = command + ([] if once else ["--no-inference"])
    return listed


# Of a report, what tells which program ran, on what: ours has the first, the peers the others.
IDENTITY = ("machine", "version", "processor", "device")


def measure(who, command, time_limit_s=None):
    """One command's results, {(task, name, dtype, batch): median_ms}, and who gave them."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=time_limit_s)
    except subprocess.TimeoutExpired as error:
        raise OutOfTime(f"{who} was stopped") from error
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


class OutOfTime(Exception):
    """--time-limit-s ends the comparison here."""


class Comparison:
    """Rounds of measurements, and the report of what there is so far."""

    def __init__(self, options):
        self.options = options
        self.begun = time.monotonic()
        self.rounds = []  # [{key: median_ms}], whole ones
        self.unfinished = {}  # the round under way
        self.programs = {}  # {program: what it says it is}
        self.failed = {}  # {who: why}
        self.took = {}  # {(who, batch): seconds of its last measurement}

    def left(self):
        limit = self.options.time_limit_s
        return None if limit is None else limit - (time.monotonic() - self.begun)

    def measure(self, who, batch, command):
        left = self.left()
        expected = self.took.get((who, batch), 0)
        if left is not None and left <= expected:
            raise OutOfTime(f"{who} takes about {expected:.0f} s, {max(left, 0):.0f} s are left")
        begun = time.monotonic()
        try:
            measured, program = measure(who, command, left)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            if who == "ours" or not self.options.keep_going:
                raise
            self.failed[who] = str(error)
            note(f"left out: {error}")
            return
        self.took[who, batch] = time.monotonic() - begun
        self.unfinished |= measured
        self.programs |= program
        shown = ", ".join(f"{name} {ms:.3f} ms" for (_, name, _, _), ms in measured.items())
        note(f"round {len(self.rounds) + 1}, batch {batch}: {shown} "
             f"({self.took[who, batch]:.0f} s)")
        self.write()

    def run_round(self):
        self.unfinished = {}
        for batch in self.options.batch:
            listed = list(commands(self.options, batch).items())
            for who, command in listed if len(self.rounds) % 2 == 0 else reversed(listed):
                if who not in self.failed:
                    self.measure(who, batch, command)
        self.rounds.append(self.unfinished)
        self.unfinished = {}
        note(f"round {len(self.rounds)} of {self.options.rounds} done")
        self.write()

    def run(self):
        try:
            while len(self.rounds) < self.options.rounds:
                self.run_round()
        except OutOfTime as why:
            note(f"ends in round {len(self.rounds) + 1} of {self.options.rounds}: {why}")

    def rows(self):
        # A peer that failed later on has no figure in every round.
        return verdicts.summarise(self.rounds or [self.unfinished], self.options.device)

    def write(self):
        """The file is whole at any moment."""
        path = self.options.json
        if not path:
            return
        setting = {name: getattr(self.options, name)
                   for name in ("device", "precision", *SHAPE, "batch")}
        report = setting | {"rounds": len(self.rounds), "programs": self.programs,
                            "failed": self.failed, "rows": self.rows()}
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_text(json.dumps(report, indent=1) + "\n")
        os.replace(beside, path)


def note(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


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
    comparison = Comparison(options)
    try:
        comparison.run()
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        note(error)
        return 1
    print_table(comparison.rows())
    if options.json:
        print(f"compare: {options.json}")
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())

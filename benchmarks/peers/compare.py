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

With --standing every peer is started and set up once, all at the same time, and then timed in the
same turns, while the others wait (pytorch_gpu.py --serve). A peer that fails or is not ready within
--set-up-limit-s is left out and named; the exit code is then 1.

The variant `libtorch` (CPU only) is benchmarks/peers/libtorch_dcgan.

--ours is the command that measures this engine; {preset}, {image_size}, {channels}, {batch},
{threads} and {precision} in it are filled in. With {batches} in place of {batch} and --standing it
runs once a round, for all batches. It prints one JSON object with a list `results` of
    {"task": "train", "name": "step", "dtype": "f32", "batch": 64, "median_ms": 100.0}
(task: train or generate; dtype: f32 or bf16; "precision": "tf32" beside the list makes f32 tf32).
"""

import argparse
import dataclasses
import os
import pathlib
import shlex
import signal
import sys

from comparison import ALL, SHAPE, Comparison, by_command, note
from standing import StandingPeers

HERE = pathlib.Path(__file__).resolve().parent
OURS = ("build/release/dcgan bench --device {device} --preset {{preset}} "
        "--image-size {{image_size}} --channels {{channels}} --batches {{batches}} "
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
    parser.add_argument("--standing", action="store_true",
                        help="the peers are set up once and stand ready (GPU only)")
    parser.add_argument("--set-up-limit-s", type=float, default=600,
                        help="standing peers that are not ready by then are left out "
                        "(default: %(default)s)")
    parser.add_argument("--turn-limit-s", type=float, default=60,
                        help="a standing peer that takes longer for a measurement is left out "
                        "(default: %(default)s)")
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
    if options.standing and options.device != "cuda":
        parser.error("--standing is for peers on a GPU")
    options.keep_going |= options.standing
    options.at_once = options.standing and "{batches}" in options.ours
    if options.device == "cuda" and "libtorch" in options.variants:
        parser.error("the variant libtorch runs on the CPU")
    return options


def our_command(options, sizes):
    shape = {name: getattr(options, name) for name in SHAPE}
    preset = "libtorch" if options.image_size == 28 else "pytorch"
    return shlex.split(options.ours.format(**shape, preset=preset, precision=options.precision,
                                           batch=sizes[0], batches=",".join(map(str, sizes))))


def commands(options, batch):
    """{who: command}: ours, then one for each peer."""
    shape = {name: getattr(options, name) for name in SHAPE} | {"batch": batch}
    listed = {"ours": our_command(options, [batch])}
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


def compare_one_by_one(options):
    """A process a measurement."""
    def sources(batch):
        return {who: by_command(who, command) for who, command in commands(options, batch).items()}
    comparison = Comparison(options, sources)
    comparison.run()
    return comparison


def compare_standing(options):
    """A process a measurement of ours; the peers stand ready in theirs."""
    def ours(batches):
        return {"ours": by_command("ours", our_command(options, batches))}
    with StandingPeers(options) as peers:
        def sources(batch):
            if batch == ALL:
                return ours(options.batch)
            return peers.sources(batch) if options.at_once else ours([batch]) | peers.sources(batch)
        comparison = Comparison(options, sources)
        # The first call reads files and tunes what is not tuned yet: it counts for nothing.
        peers.set_up(comparison, meanwhile=ours(options.batch)["ours"])
        comparison.run()
    return comparison


def end(number, _):
    """Leaves through the blocks that stop the peers."""
    sys.exit(128 + number)


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, end)
    try:
        comparison = (compare_standing if options.standing else compare_one_by_one)(options)
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        note(error)
        return 1
    print_table(comparison.rows())
    if options.json:
        print(f"compare: {options.json}")
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())

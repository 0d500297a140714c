#!/usr/bin/env python3
"""Times this engine and its PyTorch peers in turns, and prints one table with ratios.

    benchmarks/peers/compare.py --image-size 64 --batch 64 --threads 2 --rounds 5 \\
        --python build/torch/bin/python --json out/peers.json

One process a peer and a round: ours first in odd rounds, last in even ones. A ratio is taken inside
each round (so that a slow spell hurts both sides) and its median over the rounds is shown: above 1,
we are faster. A win is claimed only against the best peer of the same task, number type and batch.

--ours is the command that measures this engine; {image_size}, {channels}, {batch} and {threads} in
it are filled in. It prints one JSON object with a list `results` of
    {"task": "train", "name": "step", "dtype": "f32", "batch": 64, "median_ms": 100.0}
(task: train or generate; dtype: f32 or bf16).
"""

import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OURS = ("build/release/dcgan bench --device cpu --image-size {image_size} --channels {channels} "
        "--batch-size {batch} --threads {threads} --json")
SHAPE = ("image_size", "channels", "batch", "threads")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of a peer in a round")
    parser.add_argument("--variants", default="C0,C1,C2,C3,B1,B3", help="peers, comma-separated")
    parser.add_argument("--ours", default=OURS, help="command template (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--peer", default=str(HERE / "pytorch_cpu.py"), help="the peers' program")
    parser.add_argument("--json", type=pathlib.Path, help="also writes everything to this file")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def commands(options):
    """{who: command}: ours, then one for each peer."""
    shape = {name: getattr(options, name) for name in SHAPE}
    listed = {"ours": shlex.split(options.ours.format(**shape))}
    variants = options.variants.split(",")
    # The generator alone is timed by one of them; C3 does so compiled as well.
    with_generator = "C3" if "C3" in variants else variants[0]
    for variant in variants:
        command = [options.python, options.peer, "--json", "--variants", variant,
                   "--repeats", str(options.repeats)]
        for name, value in shape.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        listed[variant] = command + ([] if variant == with_generator else ["--no-inference"])
    return listed


def measure(who, command):
    """The results that one command prints, as {(task, name, dtype, batch): median_ms}."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{who}: {shlex.join(command)} left with {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    rows = json.loads(done.stdout)["results"]
    prefix = "dcgan" if who == "ours" else "pytorch"
    return {(row["task"], f"{prefix} {row['name']}", row["dtype"], row["batch"]): row["median_ms"]
            for row in rows}


def run_rounds(options):
    """[{key: median_ms}], one a round."""
    listed = list(commands(options).items())
    rounds = []
    for number in range(options.rounds):
        figures = {}
        for who, command in listed if number % 2 == 0 else reversed(listed):
            figures |= measure(who, command)
        rounds.append(figures)
        print(f"compare: round {number + 1} of {options.rounds} done", file=sys.stderr)
    return rounds


def summarise(rounds):
    """Rows of the table: one a program and task, with its ratio to our best of the same kind."""
    keys = [key for key in rounds[0] if all(key in figures for figures in rounds)]
    median = {key: statistics.median(figures[key] for figures in rounds) for key in keys}
    rows = []
    for key in keys:
        task, name, dtype, batch = key
        alike = [k for k in keys if (k[0], k[2], k[3]) == (task, dtype, batch)]
        ours = min((k for k in alike if k[1].startswith("dcgan ")), key=median.get, default=None)
        ratios = [figures[key] / figures[ours] for figures in rounds] if ours else []
        peers = [k for k in alike if not k[1].startswith("dcgan ")]
        rows.append({"task": task, "name": name, "dtype": dtype, "batch": batch,
                     "median_ms": median[key], "rounds_ms": [figures[key] for figures in rounds],
                     "images_per_s": batch / median[key] * 1e3,
                     "ratio": statistics.median(ratios) if ratios else None,
                     "best_peer": bool(peers) and key == min(peers, key=median.get)})
    return sorted(rows, key=lambda row: (row["task"] != "train", row["dtype"], row["batch"],
                                         row["median_ms"]))


def print_table(rows):
    print(f"{'task':9} {'type':5} {'batch':>5}  {'program':18} {'ms':>9} {'min':>9} {'max':>9} "
          f"{'images/s':>9} {'to ours':>8}")
    for row in rows:
        ratio = f"{row['ratio']:.2f}x" if row["ratio"] else "-"
        mark = "  best peer" if row["best_peer"] else ""
        print(f"{row['task']:9} {row['dtype']:5} {row['batch']:5}  {row['name']:18} "
              f"{row['median_ms']:9.2f} {min(row['rounds_ms']):9.2f} {max(row['rounds_ms']):9.2f} "
              f"{row['images_per_s']:9.1f} {ratio:>8}{mark}")


def main():
    options = parse_options()
    try:
        rounds = run_rounds(options)
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    rows = summarise(rounds)
    print_table(rows)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        shape = {name: getattr(options, name) for name in SHAPE + ("rounds",)}
        options.json.write_text(json.dumps(shape | {"rows": rows}, indent=1) + "\n")
        print(f"compare: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Weak scaling of the training step: 1, 2, ... ranks with the same batch each.

    benchmarks/ranks.py --out out/ranks.json                          1 and 2 CPU ranks, by --ranks
    benchmarks/ranks.py --out out/ranks.json --ranks 1,2,4 --launcher "mpirun -n {n}"

Efficiency: images per second of N ranks / (N * those of one rank). Counts of ranks are measured
alternately, in --rounds rounds, and the ratios are taken within a round; the table has their
median. Each rank computes with --threads threads: with more threads in all than cores the figures
say little, and a warning says so. Sums over the ranks of the gradients' sizes (`dcgan bench
--all-reduce`) are recorded beside them. What follows `--` is passed to `dcgan bench`, for instance
`-- --sync-batch-norm`. Exit: 0 measured, 1 a process failed.
"""

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys


def rank_counts(text):
    values = [int(word) for word in text.split(",")]
    if values[0] != 1 or values != sorted(set(values)):
        raise argparse.ArgumentTypeError(f"{text}: increasing numbers, from 1 on, are needed")
    return values


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/dcgan", help="(default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="FILE")
    parser.add_argument("--ranks", type=rank_counts, default=[1, 2],
                        help="numbers of ranks (default: 1,2)")
    parser.add_argument("--launcher", default="",
                        help="what starts {n} ranks of the command behind it (default: the "
                             "program's own --ranks)")
    parser.add_argument("--preset", default="pytorch", help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="of a rank")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=1, help="of a rank (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="timed steps of a process")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--max-seconds", type=float, default=600, help="for one process")
    parser.add_argument("more", nargs="*", help="options of dcgan bench, behind --")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.repeats < 1:
        parser.error("--rounds and --repeats must be at least 1")
    if options.launcher and "{n}" not in options.launcher:
        parser.error(f"--launcher {options.launcher!r} has no {{n}}")
    return options


def command(options, ranks, mode):
    """The words that start `dcgan bench` as so many ranks."""
    words = shlex.split(options.launcher.replace("{n}", str(ranks)))
    words += [options.program, "bench", "--device", options.device, "--threads",
              str(options.threads), "--repeats", str(options.repeats), "--json", *mode,
              *options.more]
    return words if options.launcher or ranks == 1 else [*words, "--ranks", str(ranks)]


def report_of(options, ranks, mode):
    words = command(options, ranks, mode)
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          timeout=options.max_seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(words)} left with {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    report = json.loads(done.stdout)
    if report.get("ranks", 1) != ranks:
        raise RuntimeError(f"{shlex.join(words)}: {report.get('ranks', 1)} ranks instead of {ranks}")
    return report


def step(options, ranks):
    # Any peak rates will do, as no roofline is reported.
    report = report_of(options, ranks,
                       ["--preset", options.preset, "--batch-size", str(options.batch_size),
                        "--precision", options.precision, "--no-generate", "--peak-tflops", "1",
                        "--peak-gbs", "1"])
    row = next(row for row in report["results"] if row["task"] == "train")
    return {"ranks": ranks, "transport": report.get("transport"), "machine": report["machine"],
            "median_ms": row["median_ms"], "images_per_s": row["images_per_s"]}


def summarise(rounds, counts):
    """[{ranks, median_ms, images_per_s, efficiency, least, most}]; rounds: [[row a count]]."""
    rows = []
    for place, ranks in enumerate(counts):
        ratios = [one[place]["images_per_s"] / (ranks * one[0]["images_per_s"]) for one in rounds]
        rows.append({"ranks": ranks, "efficiency": statistics.median(ratios), "least": min(ratios),
                     "most": max(ratios)}
                    | {name: statistics.median(one[place][name] for one in rounds)
                       for name in ("median_ms", "images_per_s")})
    return rows


def table(rows):
    lines = ["| ranks | step, ms | images/s | efficiency | least to most |", "|---|---|---|---|---|"]
    lines += [f"| {row['ranks']} | {row['median_ms']:.2f} | {row['images_per_s']:.1f} | "
              f"{100 * row['efficiency']:.1f} % | {100 * row['least']:.1f} to "
              f"{100 * row['most']:.1f} % |" for row in rows]
    return "\n".join(lines)


def main(arguments=None):
    options = parse_options(arguments)
    cores = len(os.sched_getaffinity(0))
    if options.device == "cpu" and options.ranks[-1] * options.threads > cores:
        print(f"ranks: {options.ranks[-1]} ranks of {options.threads} threads on {cores} cores",
              file=sys.stderr)
    try:
        rounds = [[step(options, ranks) for ranks in options.ranks]
                  for _ in range(options.rounds)]
        sums = [report_of(options, ranks, ["--all-reduce"]) for ranks in options.ranks[1:]]
    except (RuntimeError, OSError, ValueError, KeyError, StopIteration,
            subprocess.TimeoutExpired) as error:
        print(f"ranks: {error}", file=sys.stderr)
        return 1
    machine = rounds[0][0]["machine"]
    rounds = [[{name: value for name, value in row.items() if name != "machine"} for row in one]
              for one in rounds]
    rows = summarise(rounds, options.ranks)
    setting = {name: value for name, value in vars(options).items()
               if name not in ("out", "program")}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "cores": cores, "setting": setting,
                                       "weak_scaling": rows, "rounds": rounds,
                                       "all_reduce": sums}, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

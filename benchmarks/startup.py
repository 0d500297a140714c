#!/usr/bin/env python3
"""Times `dcgan sample` as its user meets it: a process that loads a generator and writes one image.

    benchmarks/startup.py                                     on the CPU, 20 processes
    benchmarks/startup.py --device cuda --json out/startup.json

Saves a grey generator first (one training step of --preset). Each time is that of a whole process, from
its start to its end. Exit: 0 measured, 1 a process failed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import scaling


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/dcgan", help="(default: %(default)s)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--preset", default="pytorch", help="(default: %(default)s)")
    parser.add_argument("--runs", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--json", type=pathlib.Path, help="also writes everything to this file")
    options = parser.parse_args()
    if options.runs < 2:
        parser.error("--runs must be at least 2")
    return options


def run(words):
    """Milliseconds from start to end. Raises RuntimeError when the process fails."""
    start = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    elapsed = (time.perf_counter() - start) * 1e3
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} left with {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    return elapsed


def measure(options, folder):
    run([options.program, "train", "--preset", options.preset, "--device", options.device,
         "--steps", "1", "--batch-size", "4", "--strokes-count", "8", "--sample-count", "1",
         "--channels", "1", "--out", f"{folder}/run"])
    sample = [options.program, "sample", "--device", options.device, "--checkpoint",
              f"{folder}/run", "--n", "1", "--out", f"{folder}/image.png"]
    run(sample)  # the files are in the system's cache from now on
    return sorted(run(sample) for _ in range(options.runs))


def main():
    options = parse_options()
    try:
        with tempfile.TemporaryDirectory() as folder:
            times = measure(options, folder)
        where = scaling.machine(options)
    except (RuntimeError, OSError) as error:
        print(f"startup: {error}", file=sys.stderr)
        return 1
    report = {"machine": where, "device": options.device, "preset": options.preset,
              "runs": options.runs, "median_ms": statistics.median(times), "min_ms": times[0],
              "max_ms": times[-1]}
    print(f"dcgan sample --n 1, {options.preset}, {options.device}: {report['median_ms']:.0f} ms "
          f"({times[0]:.0f} to {times[-1]:.0f}, {options.runs} processes)")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

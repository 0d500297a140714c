#!/usr/bin/env python3
"""Scaling of the training step: time and memory against batch, image size and threads.

    benchmarks/scaling.py --out out/scaling                    all axes, on the CPU
    benchmarks/scaling.py --out out/scaling --axes batch,threads --precision bf16
    benchmarks/scaling.py --out out/scaling --device cuda      batch and image size

Each point is measured in a process of its own (`dcgan bench`), so that peak memory is measured per
point. An axis varies one quantity and keeps the others at --batch, --image-size, --threads. A
process that takes longer than --max-seconds is stopped: that point and the larger ones of its axis
are recorded as stopped. DIR receives scaling.json, scaling.md and scaling.png (--no-picture: no
scaling.png, and matplotlib is not needed). Exit: 0 measured, 1 a process failed, 69 no matplotlib.

Memory: `plan` is the size of the step's memory plan, the parameters and their moments, as computed
by the engine; `peak` is the largest resident set of the process, with its data and libraries.
"""

import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

import scaling_report

AXES = ("batch", "image_size", "threads")


def sizes(text):
    values = [int(word) for word in text.split(",")]
    if min(values) < 1 or values != sorted(set(values)):
        raise argparse.ArgumentTypeError(f"{text}: increasing numbers, from 1 on, are needed")
    return values


def thread_counts():
    """1, 2, 4, ... and the number of CPUs."""
    cpus = len(os.sched_getaffinity(0))
    return sorted({2 ** n for n in range(cpus.bit_length()) if 2 ** n <= cpus} | {cpus})


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/dcgan", help="(default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--axes", help="some of batch, image_size, threads (default: all; on a GPU "
                                       "without threads)")
    parser.add_argument("--batches", type=sizes, default=[2 ** n for n in range(11)])
    parser.add_argument("--image-sizes", type=sizes, default=[32, 64, 128, 256])
    parser.add_argument("--thread-counts", type=sizes, default=thread_counts())
    parser.add_argument("--batch", type=int, default=64, help="of the other axes")
    parser.add_argument("--image-size", type=int, default=64, help="of the other axes")
    parser.add_argument("--threads", type=int, default=thread_counts()[-1],
                        help="of the other axes (default: all, %(default)s)")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--ngf", type=int, default=64, help="also the discriminator's width")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of a point")
    parser.add_argument("--max-seconds", type=float, default=120, help="for one process")
    parser.add_argument("--no-picture", action="store_true", help="JSON and table only")
    options = parser.parse_args()
    every = AXES if options.device == "cpu" else AXES[:2]
    options.axes = options.axes.split(",") if options.axes else list(every)
    unknown = set(options.axes) - set(every)
    if unknown:
        parser.error(f"no axis {', '.join(sorted(unknown))} on {options.device}; there are "
                     f"{', '.join(every)}")
    if options.repeats < 1 or options.max_seconds <= 0:
        parser.error("--repeats must be at least 1, and --max-seconds above 0")
    return options


def points(options, axis):
    """[{batch, image_size, threads}], increasing along the axis."""
    fixed = {name: getattr(options, name) for name in AXES}
    values = {"batch": options.batches, "image_size": options.image_sizes,
              "threads": options.thread_counts}[axis]
    return [fixed | {axis: value} for value in values]


def command(options, point):
    # Any peak rates will do, as no roofline is reported: measuring them takes longer than the step.
    return [options.program, "bench", "--device", options.device, "--preset", "pytorch",
            "--image-size", str(point["image_size"]), "--channels", str(options.channels),
            "--ngf", str(options.ngf), "--ndf", str(options.ngf),
            "--batch-size", str(point["batch"]), "--threads", str(point["threads"]),
            "--precision", options.precision, "--repeats", str(options.repeats), "--warm-up", "1",
            "--no-generate", "--peak-tflops", "1", "--peak-gbs", "1", "--json"]


def run_limited(words, max_seconds):
    """(exit status or None if stopped, standard output, standard error, peak bytes)."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(words, stdout=output, stderr=errors)
        deadline = time.monotonic() + max_seconds
        stopped = False
        while True:
            # wait4 returns the peak memory of this child alone.
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid != 0:
                break
            if not stopped and time.monotonic() > deadline:
                stopped = True
                child.kill()
            time.sleep(0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return (None if stopped else child.returncode, output.read(), errors.read(),
                usage.ru_maxrss * 1024)


def measure(options, point):
    """The point with its figures, or with stopped: true."""
    words = command(options, point)
    status, output, errors, peak_bytes = run_limited(words, options.max_seconds)
    if status is None:
        return point | {"stopped": True}
    if status != 0:
        raise RuntimeError(f"{shlex.join(words)} left with {status}: {errors.strip()[-500:]}")
    row = next(row for row in json.loads(output)["results"] if row["task"] == "train")
    return point | {"stopped": False, "plan_bytes": row["memory_bytes"], "peak_bytes": peak_bytes} \
        | {name: row[name] for name in ("median_ms", "p10_ms", "p90_ms", "repeats")}


def measure_axis(options, axis):
    rows = []
    for point in points(options, axis):
        # More threads take less time: a stopped point does not imply that the next is too slow.
        if axis != "threads" and rows and rows[-1]["stopped"]:
            rows.append(point | {"stopped": True})
            continue
        rows.append(measure(options, point))
        done = "stopped" if rows[-1]["stopped"] else f"{rows[-1]['median_ms']:.1f} ms"
        print(f"scaling: {axis} {point[axis]}: {done}", file=sys.stderr)
    return rows


def machine(options):
    """The output of `dcgan doctor` in one line, with single spaces."""
    words = [options.program, "doctor"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(words)} left with {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    return "; ".join(" ".join(line.split()) for line in done.stdout.splitlines() if line.strip())


def main():
    options = parse_options()
    if not options.no_picture and not scaling_report.can_draw():
        print("scaling: no matplotlib in this Python (pip install matplotlib), or --no-picture",
              file=sys.stderr)
        return 69
    try:
        axes = {axis: scaling_report.summarise(axis, measure_axis(options, axis))
                for axis in options.axes}
        where = machine(options)
    except (RuntimeError, OSError, ValueError, KeyError, StopIteration) as error:
        print(f"scaling: {error!r}" if not str(error) else f"scaling: {error}", file=sys.stderr)
        return 1
    setting = {name: getattr(options, name)
               for name in (*AXES, "channels", "ngf", "device", "precision", "repeats",
                            "max_seconds")}
    report = {"machine": where, "setting": setting, "axes": axes}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "scaling.json").write_text(json.dumps(report, indent=1) + "\n")
    table = scaling_report.markdown(report)
    (options.out / "scaling.md").write_text(table)
    print(table)
    if not options.no_picture:
        scaling_report.draw(report, options.out / "scaling.png")
    print(f"scaling: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

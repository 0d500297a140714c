"""What every peer prints: one row of figures a task, in a report. Needs no PyTorch.

A report is one JSON object: program, version, processor (and device), the shape, and `results`, a
list of
    {"task": "train", "name": "C2", "dtype": "f32", "batch": 64, "samples": 20,
     "median_ms": 100.0, "p10_ms": 99.0, "p90_ms": 103.0, "images_per_s": 640.0}
A report with "rehearsal": true has rows without times: the code ran, nothing was measured.
"""

import json
import math
import pathlib
import platform


def percentile(values, share):
    """Linear between the two nearest ranks."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def result(task, name, dtype, batch, times):
    """A row. Without times (None) it says only that this ran."""
    row = {"task": task, "name": name, "dtype": dtype, "batch": batch}
    if times is None:
        return row
    median = percentile(times, 0.5)
    return row | {"samples": len(times), "median_ms": median, "p10_ms": percentile(times, 0.1),
                  "p90_ms": percentile(times, 0.9), "images_per_s": batch / median * 1e3}


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = (line.split(":", 1)[1] for line in lines if line.startswith("model name"))
        return next(names).strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def print_report(report, as_json):
    if as_json:
        print(json.dumps(report))
        return
    where = report.get("device") or f"{report['processor']}, {report['threads']} threads"
    print(f"{report['program']} {report['version']}, {where}")
    if report.get("rehearsal"):
        print("a rehearsal on the CPU: no time below, nothing was measured")
    for row in report["results"]:
        line = f"{row['task']:9} {row['name']:15} {row['dtype']:5} batch {row['batch']:4}  "
        if "median_ms" in row:
            line += (f"{row['median_ms']:9.3f} ms (p10 {row['p10_ms']:.3f}, "
                     f"p90 {row['p90_ms']:.3f})  {row['images_per_s']:9.1f} images/s")
        else:
            line += "ran"
        print(line)

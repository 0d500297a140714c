"""The report of scaling.py: exponents, speed-ups, a table and a picture.

Reads the stored files benchmarks/results/*-growth-*.json, too.
"""

import importlib.util
import math

MIB = 2 ** 20
TITLES = {"batch": "batch", "image_size": "image size, pixels", "threads": "threads"}


def exponent(before, after, axis, figure):
    """e in figure ~ axis^e between two points: 1 is linear, 2 quadratic."""
    return math.log(after[figure] / before[figure]) / math.log(after[axis] / before[axis])


def summarise(axis, rows):
    """The rows with images/s, exponents and speed-ups; stopped rows are unchanged."""
    measured, summary = [], []
    for row in rows:
        if row["stopped"]:
            summary.append(row)
            continue
        more = {"images_per_s": row["batch"] / row["median_ms"] * 1e3}
        if measured:
            more["time_exponent"] = exponent(measured[-1], row, axis, "median_ms")
            more["plan_exponent"] = exponent(measured[-1], row, axis, "plan_bytes")
        if axis == "threads":
            first = measured[0] if measured else row
            more["speed_up"] = first["median_ms"] / row["median_ms"]
            more["efficiency"] = more["speed_up"] * first["threads"] / row["threads"]
        measured.append(row)
        summary.append(row | more)
    return summary


def fixed_setting(axis, setting):
    words = {"batch": f"batch {setting['batch']}",
             "image_size": f"{setting['image_size']} px",
             "threads": f"{setting['threads']} threads"}
    kept = [text for name, text in words.items()
            if name != axis and (name != "threads" or setting["device"] == "cpu")]
    return ", ".join(kept + [f"{setting['channels']} channels", f"width {setting['ngf']}",
                             setting["device"], setting["precision"]])


def cells(axis, row, setting):
    if row["stopped"]:
        return [str(row[axis]), f"over {setting['max_seconds']:g} s a process", *["-"] * 6]
    dash = "-"
    gain = dash
    if axis == "threads":
        gain = f"{row['speed_up']:.2f} ({100 * row['efficiency']:.0f} %)"
    elif "time_exponent" in row:
        gain = f"{row['time_exponent']:.2f}"
    return [str(row[axis]), f"{row['median_ms']:.1f}", f"{row['p10_ms']:.1f}",
            f"{row['p90_ms']:.1f}", f"{row['images_per_s']:.1f}", gain,
            f"{row['plan_bytes'] / MIB:.1f}", f"{row['peak_bytes'] / MIB:.1f}"]


def markdown(report):
    """One table per axis."""
    lines = [f"Machine: {report['machine']}", ""]
    for axis, rows in report["axes"].items():
        gain = "speed-up (of ideal)" if axis == "threads" else "exponent of time"
        heads = [TITLES[axis], "step, ms", "p10", "p90", "images/s", gain, "plan, MiB", "peak, MiB"]
        lines += [f"Training step against {TITLES[axis]} "
                  f"({fixed_setting(axis, report['setting'])}):", "",
                  "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        lines += ["| " + " | ".join(cells(axis, row, report["setting"])) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def can_draw():
    return importlib.util.find_spec("matplotlib") is not None


def draw(report, path):
    """One column per axis: time above, memory below. Axes are logarithmic: a power is a line."""
    import matplotlib  # optional: see can_draw()
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = report["axes"]
    figure, grid = pyplot.subplots(2, len(axes), figsize=(4.5 * len(axes), 7), squeeze=False)
    for column, (axis, rows) in enumerate(axes.items()):
        measured = [row for row in rows if not row["stopped"]]
        at = [row[axis] for row in measured]
        above, below = grid[0][column], grid[1][column]
        above.plot(at, [row["median_ms"] for row in measured], marker="o", label="measured")
        if axis == "threads" and measured:
            ideal = [measured[0]["median_ms"] * at[0] / n for n in at]
            above.plot(at, ideal, linestyle="--", color="grey", label="ideal")
            above.legend()
        above.set_title(fixed_setting(axis, report["setting"]), fontsize=8)
        above.set_ylabel("step, ms")
        for figure_name, label in (("peak_bytes", "peak of the process"), ("plan_bytes", "plan")):
            below.plot(at, [row[figure_name] / MIB for row in measured], marker="o", label=label)
        below.set_ylabel("memory, MiB")
        below.legend()
        for plot in (above, below):
            plot.set_xscale("log", base=2)
            least, most = plot.dataLim.intervaly
            if most < 10 * least:  # a logarithmic axis would have no labels
                plot.set_ylim(0, 1.1 * most)
            else:
                plot.set_yscale("log")
            plot.set_xticks(at, [str(value) for value in at])
            plot.minorticks_off()
            plot.set_xlabel(TITLES[axis])
            plot.grid(True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

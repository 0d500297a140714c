"""One line about a report: what the summary shows of a measurement."""

SHARE = 0.85  # of the measured copy, for a kernel that only moves memory


def of_step(report):
    """dcgan bench: the training step."""
    for row in report["results"]:
        if row["task"] == "train":
            share = f", {100 * row['fused_share']:.0f} % of fused" if "fused_share" in row else ""
            return f"{row['median_ms']:.3f} ms, {row['images_per_s']:.0f} images/s{share}"
    return ""


def of_operations(report):
    """dcgan_bench_ops: how many calls reach the goal at the largest batch, which is furthest."""
    rows = report["results"]
    largest = max((row["batch"] for row in rows), default=0)
    rows = [row for row in rows if row["batch"] == largest]
    if not rows:
        return ""
    worst = min(rows, key=lambda row: row["roofline_share"])
    good = sum(row["roofline_share"] >= SHARE for row in rows)
    return (f"batch {largest}: {good} of {len(rows)} calls at {SHARE:.0%} of the copy, least "
            f"{worst['roofline_share']:.0%}: {worst['operation']} {worst['name']}")


def of_comparison(report):
    """compare.py: every peer's time in units of ours."""
    rows = [row for row in report["rows"]
            if row["task"] == "train" and row["ratio"] and not row["name"].startswith("dcgan")]
    several = len({row["batch"] for row in rows}) > 1
    ratios = [f"{row['name']}{' at %d' % row['batch'] if several else ''} {row['ratio']:.2f}x"
              for row in rows]
    left_out = "".join(f", {name} failed" for name in report["failed"])
    return f"{report['rounds']} whole rounds: {', '.join(ratios) or 'no peer'}{left_out}"


def of(report):
    if "rows" in report:
        return of_comparison(report)
    if "operations" in report:
        return of_operations(report)
    return of_step(report) if "results" in report else ""

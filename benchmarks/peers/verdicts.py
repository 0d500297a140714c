"""From the figures of all rounds to rows with ratios, and to what may be claimed.

Figures are {(task, program, dtype, batch): median_ms}, one such table a round; our programs' names
begin with "dcgan ".
"""

import statistics

OURS = "dcgan "
# Peers without which nothing is claimed: the best set-up must have been among those beaten.
REQUIRED = {
    ("cuda", "train"): tuple(f"pytorch P{n}" for n in range(1, 6)),
    # The same without a graph differ only in what the host does: they cannot be faster.
    ("cuda", "generate"): ("pytorch graph", "pytorch compiled graph"),
}
MIN_ROUNDS = {"cuda": 5}  # PyTorch and a GPU's clock both wander: fewer say little


def kind(dtype):
    """Number types that are compared with each other: both of 16 bits."""
    return "16-bit" if dtype in ("bf16", "f16") else dtype


def alike(keys, key):
    return [k for k in keys if (k[0], kind(k[2]), k[3]) == (key[0], kind(key[2]), key[3])]


def is_ours(key):
    return key[1].startswith(OURS)


def verdict(device, key, keys, rounds, median):
    """What may be said of our figure `key`."""
    peers = [k for k in alike(keys, key) if not is_ours(k)]
    missing = set(REQUIRED.get((device, key[0]), ())) - {k[1] for k in peers}
    if missing or not peers:
        return f"no claim: {', '.join(sorted(missing)) or 'any peer'} not measured"
    if len(rounds) < MIN_ROUNDS.get(device, 1):
        return f"no claim: {len(rounds)} rounds, {MIN_ROUNDS[device]} are needed"
    best = min(peers, key=median.get)
    ratios = [figures[best] / figures[key] for figures in rounds]
    said = f"{best[1]} ({statistics.median(ratios):.2f}x, worst round {min(ratios):.2f}x)"
    if min(ratios) > 1:
        return f"won against {said}"
    return f"not clear against {said}" if statistics.median(ratios) > 1 else f"lost to {said}"


def summarise(rounds, device):
    """Rows of the table: one a program and task, with its ratio to our best of the same kind."""
    keys = [key for key in rounds[0] if all(key in figures for figures in rounds)]
    median = {key: statistics.median(figures[key] for figures in rounds) for key in keys}
    rows = []
    for key in keys:
        task, name, dtype, batch = key
        same = alike(keys, key)
        ours = min(filter(is_ours, same), key=median.get, default=None)
        ratios = [figures[key] / figures[ours] for figures in rounds] if ours else []
        peers = [k for k in same if not is_ours(k)]
        row = {"task": task, "name": name, "dtype": dtype, "batch": batch,
               "median_ms": median[key], "rounds_ms": [figures[key] for figures in rounds],
               "images_per_s": batch / median[key] * 1e3,
               "ratio": statistics.median(ratios) if ratios else None,
               "best_peer": bool(peers) and key == min(peers, key=median.get)}
        if is_ours(key):
            row["verdict"] = verdict(device, key, keys, rounds, median)
        rows.append(row)
    return sorted(rows, key=lambda row: (row["task"] != "train", kind(row["dtype"]), row["batch"],
                                         row["median_ms"]))

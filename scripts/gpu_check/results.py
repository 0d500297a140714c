"""What the check leaves behind: few files, whole at every moment.

    result.json     machine, versions, revision, libraries, and every step with its outcome
    bench.json      {step: report} of dcgan bench and dcgan_bench_ops
    peers.json      {step: report} of benchmarks/peers/compare.py
    samples.png     what a short training drew
    logs.tar.gz     the log of every step, and the plan cache for the next call

Each is written beside its place and renamed, after every step: a kill at any time leaves the state
after the last step.
"""

import gzip
import io
import json
import os
import pathlib
import tarfile

MOST_BYTES = 15 << 20  # of one file
MOST_LOG_BYTES = 1 << 20
LOGS = "logs.tar.gz"
CACHE = "plan-cache"


def replace(path, data):
    """Writes a file whole or not at all."""
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)


def as_json(value):
    return (json.dumps(value, indent=1) + "\n").encode()


def shortened(data):
    """Beginning and end of a long log."""
    if len(data) <= MOST_LOG_BYTES:
        return data
    quarter = MOST_LOG_BYTES // 4
    return data[:quarter] + b"\n... left out ...\n" + data[-3 * quarter:]


def archive(logs, cache):
    """The bytes of logs.tar.gz; without the plan cache where it would be too large."""
    for with_cache in (True, False):
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, \
                tarfile.open(fileobj=stream, mode="w") as tar:
            files = [(path, path.name) for path in sorted(pathlib.Path(logs).glob("*.log"))]
            if with_cache:
                files += [(path, f"{CACHE}/{path.name}")
                          for path in sorted(pathlib.Path(cache).glob("*.json"))]
            for path, name in files:
                data = path.read_bytes()
                add(tar, name, data if name.startswith(CACHE) else shortened(data))
        if len(packed.getvalue()) <= MOST_BYTES:
            break
    return packed.getvalue()


def add(tar, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def restore_cache(packed, folder):
    """Takes the plan cache out of an earlier logs.tar.gz; returns the number of files."""
    count = 0
    with tarfile.open(packed) as tar:
        for entry in tar:
            place = pathlib.PurePosixPath(entry.name)
            if entry.isfile() and place.parent.name == CACHE and place.suffix == ".json":
                (pathlib.Path(folder) / place.name).write_bytes(tar.extractfile(entry).read())
                count += 1
    return count


class Results:
    """Collects outcomes and keeps the files in `out` up to date."""

    def __init__(self, out, logs, cache, facts):
        self.out, self.logs, self.cache = pathlib.Path(out), logs, cache
        self.facts = facts  # in front of the steps
        self.steps = []
        self.reports = {"bench.json": {}, "peers.json": {}}
        for stale in self.out.glob(".*.new"):
            stale.unlink()

    def note(self, name, outcome, seconds=0.0, detail=""):
        self.steps.append({"name": name, "outcome": outcome, "seconds": round(seconds, 1),
                           "detail": detail})

    def failed(self):
        return [step["name"] for step in self.steps if step["outcome"] == "FAILED"]

    def passed(self):
        return [step["name"] for step in self.steps if step["outcome"] == "passed"]

    def take_report(self, file, name, path):
        """Adds a step's JSON, where it wrote any (also a step that was stopped), and returns it."""
        try:
            report = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        self.reports[file][name] = report
        replace(self.out / file, as_json(self.reports[file]))
        return report

    def take_picture(self, path):
        if os.path.isfile(path) and os.path.getsize(path) <= MOST_BYTES:
            replace(self.out / "samples.png", pathlib.Path(path).read_bytes())

    def save(self, seconds, running="", complete=False):
        replace(self.out / LOGS, archive(self.logs, self.cache))
        result = self.facts | {"seconds": round(seconds, 1), "complete": complete}
        if running:
            result["running"] = running
        result |= {"passed": complete and not self.failed(), "steps": self.steps}
        replace(self.out / "result.json", as_json(result))

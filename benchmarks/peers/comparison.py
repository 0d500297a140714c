"""Rounds of measurements of this engine and its peers in turns, and their report."""

import json
import os
import shlex
import subprocess
import sys
import time

import verdicts

TASKS = ("train", "generate")  # our report has more, which no peer has
SHAPE = ("image_size", "channels", "threads")
# Of a report, what tells which program ran, on what: ours has the first, the peers the others.
IDENTITY = ("machine", "version", "processor", "device", "cuda", "cudnn", "compiler_times_alone")


ALL = "all"  # in place of a batch


class OutOfTime(Exception):
    """--time-limit-s ends the comparison here."""


def note(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def by_command(who, command):
    """What measures by running a command: gets the seconds that are left, returns its report."""
    def measure(left_s):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=left_s)
        except subprocess.TimeoutExpired as error:
            raise OutOfTime(f"{who} was stopped") from error
        if done.returncode != 0:
            raise RuntimeError(f"{who}: {shlex.join(command)} left with {done.returncode}: "
                               f"{done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)
    return measure


def figures_of(who, report):
    """{(task, name, dtype, batch): median_ms}, and which program gave them."""
    if report.get("rehearsal"):
        raise RuntimeError(f"{who} was a rehearsal, which has no figures")
    program = "dcgan" if who == "ours" else report.get("program", "pytorch")
    tf32 = report.get("precision") == "tf32"
    figures = {(row["task"], f"{program} {row['name']}",
                "tf32" if tf32 and row["dtype"] == "f32" else row["dtype"],
                row["batch"]): row["median_ms"]
               for row in report["results"] if row["task"] in TASKS}
    return figures, {program: {key: report[key] for key in IDENTITY if key in report}}


class Comparison:
    """Rounds of measurements, and the report of what there is so far.

    `sources(batch)` gives {who: what measures}, ours first; a source gets the seconds that are left
    (None: any) and returns a report. `sources(ALL)` gives what measures all batches at once.
    """

    def __init__(self, options, sources):
        self.options = options
        self.sources = sources
        self.begun = time.monotonic()
        self.rounds = []  # [{key: median_ms}], whole ones
        self.unfinished = {}  # the round under way
        self.programs = {}  # {program: what it says it is}
        self.compiled = {}  # {variant: how}
        self.set_up_s = {}  # {who: seconds}, of standing peers
        self.failed = {}  # {who: why}
        self.took = {}  # {(who, batch): seconds of its last measurement}

    def left(self):
        limit = self.options.time_limit_s
        return None if limit is None else limit - (time.monotonic() - self.begun)

    def name(self, who, batch):
        """Who fails, fails for all batches, unless each batch has a process of its own."""
        return f"{who} at {batch}" if self.options.standing else who

    def fail(self, name, why, what="left out"):
        self.failed[name] = str(why)
        note(f"{what}: {name}: {why}")
        self.write()

    def measure(self, who, batch, source):
        left = self.left()
        expected = self.took.get((who, batch), 0)
        if left is not None and left <= expected:
            raise OutOfTime(f"{who} takes about {expected:.0f} s, {max(left, 0):.0f} s are left")
        begun = time.monotonic()
        try:
            report = source(left)
            measured, program = figures_of(who, report)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            if who == "ours" or not self.options.keep_going:
                raise
            self.fail(self.name(who, batch), error)
            return
        self.took[who, batch] = time.monotonic() - begun
        self.unfinished |= measured
        self.programs |= program
        self.compiled |= {self.name(name, batch): how
                          for name, how in report.get("compiled", {}).items()}
        shown = ", ".join(f"{name} {ms:.3f} ms" for (_, name, _, _), ms in measured.items())
        note(f"round {len(self.rounds) + 1}, batch {batch}: {shown} "
             f"({self.took[who, batch]:.1f} s)")
        self.write()

    def groups(self):
        """Batches that take turns with each other: all where one measurement of ours is for all."""
        batches = self.options.batch
        return [[ALL, *batches]] if self.options.at_once else [[batch] for batch in batches]

    def run_round(self):
        self.unfinished = {}
        for group in self.groups():
            listed = [(who, batch, source) for batch in group
                      for who, source in self.sources(batch).items()]
            for who, batch, source in listed if len(self.rounds) % 2 == 0 else reversed(listed):
                if self.name(who, batch) not in self.failed:
                    self.measure(who, batch, source)
        self.rounds.append(self.unfinished)
        self.unfinished = {}
        note(f"round {len(self.rounds)} of {self.options.rounds} done")
        self.write()

    def run(self):
        try:
            while len(self.rounds) < self.options.rounds:
                self.run_round()
        except OutOfTime as why:
            note(f"ends in round {len(self.rounds) + 1} of {self.options.rounds}: {why}")

    def rows(self):
        # A peer that failed later on has no figure in every round.
        return verdicts.summarise(self.rounds or [self.unfinished], self.options.device)

    def write(self):
        """The file is whole at any moment."""
        path = self.options.json
        if not path:
            return
        setting = {name: getattr(self.options, name)
                   for name in ("device", "precision", *SHAPE, "batch", "standing")}
        report = setting | {"rounds": len(self.rounds), "programs": self.programs,
                            "compiled": self.compiled, "set_up_s": self.set_up_s,
                            "failed": self.failed, "rows": self.rows()}
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_text(json.dumps(report, indent=1) + "\n")
        os.replace(beside, path)

"""benchmarks/peers/compare.py --standing: peers that stand ready, and what becomes of those that
fail. The peers are a stand-in that speaks the protocol of benchmarks/peers/serve.py."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import ROOT, run, write

# {variant: what it does} is in a file beside it; "ms" is the figure of every measurement.
PEER = """
import json, os, pathlib, sys, time
def after(option):
    return sys.argv[sys.argv.index(option) + 1]
def say(value):
    print(json.dumps(value), flush=True)
here = pathlib.Path(__file__).parent
plans = json.loads((here / "plans.json").read_text())
names = after("--variants").split(",") if after("--variants") else ["generator"]
with open(here / "started", "a") as started:
    started.write(f"{','.join(names)} {os.getpid()}\\n")
for name in names:
    if plans[name] == "fails at set-up":
        sys.exit("out of memory")
    if plans[name] == "hangs at set-up":
        time.sleep(60)
failed = {name: "no graph" for name in names if plans[name] == "is not ready"}
say({"program": "pytorch", "version": "0", "ready": [n for n in names if n not in failed],
     "failed": failed, "set_up_s": 1.0,
     "fallen_back": {n: "max-autotune: strides" for n in names if plans[n] == "falls back"}, "compiled": {n: "mode=x" for n in names if n == "P5"}})
asked = 0
for line in sys.stdin:
    asked += 1
    wanted = names if line.strip() == "all" else [line.strip()]
    if any(plans[name] == "dies in round 2" for name in wanted) and asked > 1:
        sys.exit("illegal address")
    if any(plans[name] == "hangs in round 2" for name in wanted) and asked > 1:
        time.sleep(60)
    task = "generate" if names == ["generator"] else "train"
    say({"results": [{"task": task, "name": name, "dtype": "bf16", "batch": int(after("--batch")),
                      "median_ms": 20.0} for name in wanted]})
"""
OURS = """
import json, pathlib, sys
with open(pathlib.Path(__file__).with_name("calls"), "a") as calls:
    calls.write(sys.argv[1] + "\\n")
print(json.dumps({"results": [{"task": task, "name": task, "dtype": "bf16", "median_ms": 10.0,
                  "batch": int(batch)} for task in ("train", "generate")
                  for batch in sys.argv[1].split(",")]}))
"""
ALL = ("P1", "P2", "P3", "P4", "P5")


class Standing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.peer = write(self.root, "peer.py", PEER)
        self.ours = write(self.root, "ours.py", OURS)

    def command(self, *options, variants=ALL, place="{batches}", **plans):
        every = {name: "ms" for name in (*variants, "generator")}
        write(self.root, "plans.json", json.dumps(every | plans))
        return [str(word) for word in (
            sys.executable, "-B", ROOT / "benchmarks/peers/compare.py", "--device", "cuda",
            "--standing", "--python", sys.executable, "--peer", self.peer, "--ours",
            f"{sys.executable} {self.ours} {place}", "--variants", ",".join(variants),
            "--batch", 64, "--json", self.root / "out.json", *options)]

    def compare(self, *options, **plans):
        done = run(*self.command(*options, **plans))
        return done, json.loads((self.root / "out.json").read_text())

    def started(self):
        lines = (self.root / "started").read_text().splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines}

    def assert_all_ended(self):
        for pid in self.started().values():
            state = pathlib.Path(f"/proc/{pid}/stat")
            self.assertTrue(not state.exists() or state.read_text().split()[2] == "Z", pid)

    def assert_only_fails(self, report, who, why):
        self.assertEqual(list(report["failed"]), [f"{one} at 64" for one in who])
        for said in report["failed"].values():
            self.assertIn(why, said)
        measured = {row["name"] for row in report["rows"]}
        self.assertEqual(measured, {"dcgan train", "dcgan generate", "pytorch generator"} |
                         {f"pytorch {name}" for name in ALL if name not in who})
        self.assert_all_ended()

    def test_each_process_is_set_up_once_for_all_rounds(self):
        done, report = self.compare("--rounds", "5")
        self.assertEqual(done.returncode, 0, done.output)
        self.assertEqual(sorted((self.root / "started").read_text().split()[::2]),
                         ["P1", "P2,P4", "P3,P5", "generator"])
        verdicts = {row["name"]: row.get("verdict") for row in report["rows"]}
        self.assertEqual(verdicts["dcgan train"][:11], "won against")
        self.assertEqual((report["rounds"], report["compiled"]), (5, {"P5 at 64": "mode=x"}))
        self.assertEqual(set(report["set_up_s"]),
                         {"P1 at 64", "P2,P4 at 64", "P3,P5 at 64", "generator at 64"})
        self.assert_all_ended()

    def test_every_batch_has_processes_of_its_own(self):
        done, report = self.compare("--rounds", "1", "--batch", "64,128", "--steps-only")
        self.assertEqual(done.returncode, 0, done.output)
        self.assertEqual(len((self.root / "started").read_text().splitlines()), 6)
        self.assertEqual({row["batch"] for row in report["rows"]}, {64, 128})

    def calls_of_ours(self, place):
        (self.root / "calls").unlink(missing_ok=True)
        done, report = self.compare("--rounds", "2", "--batch", "64,128", "--steps-only",
                                    place=place)
        self.assertEqual(done.returncode, 0, done.output)
        steps = {(row["name"], row["batch"], len(row["rounds_ms"])) for row in report["rows"]
                 if row["task"] == "train"}
        names = ("dcgan train", *(f"pytorch {name}" for name in ALL))
        self.assertEqual(steps, {(name, batch, 2) for name in names for batch in (64, 128)})
        return (self.root / "calls").read_text().split()

    def test_ours_runs_once_a_round_for_all_batches_and_once_before(self):
        self.assertEqual(self.calls_of_ours("{batches}"), ["64,128"] * 3)
        self.assertEqual(self.calls_of_ours("{batch}"), ["64", "64", "128", "64", "128"])

    def test_a_compiler_without_its_search_is_named_and_timed(self):
        done, report = self.compare("--rounds", "1", P5="falls back")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertEqual(report["failed"], {"P5 at 64, max-autotune": "max-autotune: strides"})
        self.assertIn("pytorch P5", {row["name"] for row in report["rows"]})

    def test_a_peer_that_fails_at_set_up_leaves_the_others(self):
        done, report = self.compare("--rounds", "2", P1="fails at set-up")
        self.assertEqual(done.returncode, 1, done.output)
        self.assert_only_fails(report, ["P1"], "out of memory")

    def test_one_of_two_in_a_process_may_fail(self):
        done, report = self.compare("--rounds", "2", P5="is not ready")
        self.assertEqual(done.returncode, 1, done.output)
        self.assert_only_fails(report, ["P5"], "no graph")

    def test_a_set_up_that_takes_too_long_leaves_the_others(self):
        done, report = self.compare("--rounds", "2", "--set-up-limit-s", "3", P5="hangs at set-up")
        self.assertEqual(done.returncode, 1, done.output)
        self.assert_only_fails(report, ["P3", "P5"], "not ready in 3 s")

    def test_a_peer_that_dies_in_a_round_leaves_the_others(self):
        done, report = self.compare("--rounds", "3", P1="dies in round 2")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertEqual(report["rounds"], 3)
        self.assert_only_fails(report, ["P1"], "illegal address")

    def test_a_peer_that_hangs_in_a_round_leaves_the_others(self):
        done, report = self.compare("--rounds", "3", "--turn-limit-s", "2", P1="hangs in round 2")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertEqual(report["rounds"], 3)
        self.assert_only_fails(report, ["P1"], "no answer in 2 s")

    def test_the_time_limit_ends_peers_and_keeps_whole_rounds(self):
        begun = time.monotonic()
        _, report = self.compare("--rounds", "3", "--time-limit-s", "6", P1="hangs in round 2")
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual((report["rounds"], report["failed"]), (1, {}))
        self.assert_all_ended()

    def test_a_comparison_that_is_ended_ends_its_peers(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            command = self.command("--rounds", "1", P1="hangs at set-up")
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as comparison:
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and not (
                        (self.root / "started").exists() and len(self.started()) == 4):
                    time.sleep(0.05)
                os.kill(comparison.pid, number)
            time.sleep(0.5)
            self.assertEqual(len(self.started()), 4)
            self.assert_all_ended()
            (self.root / "started").unlink()

    def test_peers_stand_on_a_gpu_only(self):
        done = run(*self.command("--device", "cpu"))
        self.assertEqual(done.returncode, 2, done.output)
        self.assertIn("--standing is for peers on a GPU", done.output)


if __name__ == "__main__":
    unittest.main()

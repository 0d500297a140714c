"""scripts/gpu_check.sh --rehearse, from a bundle of the emulated build: the order of a real call,
in an environment without the project's libraries, with stand-ins for Python's packages, PyTorch
and compute-sanitizer. DCGAN_PROGRAM: the built program."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ROOT, run, write, write_program

BUILD = pathlib.Path(os.environ["DCGAN_PROGRAM"]).parent
SHARED = pathlib.Path(os.environ.get("DCGAN_SHARED", ROOT.parent / "shared"))
PACKAGES = {
    "cudnn": ["libcudnn_graph.so.9", "libcudnn_engines_precompiled.so.9",
              "libcudnn_engines_runtime_compiled.so.9", "libcudnn_heuristic.so.9"],
    "cu13": ["libcublasLt.so.13", "libnvrtc.so.13", "libnvrtc-builtins.so.13.0"],
}
FILES = {"result.json", "bench.json", "peers.json", "samples.png", "logs.tar.gz"}
TRACES = ["trace_dc28_fp32", "trace_dc28_tf32", "trace_dc28_bf16"]
ORDER = ["libraries", "doctor", *TRACES, "step_bf16_64", "step_bf16_128", "step_bf16_1024",
         "peers", "ops_bf16", "test_kernels", "peers_search",
         "step_bf16_128_overlap_none", "step_bf16_128_overlap_launches",
         "step_bf16_128_overlap_branches", "memcheck", "racecheck", "synccheck",
         "trace_hinge_fp32", "trace_hinge_tf32", "trace_hinge_bf16", "train", "sample"]
# PyTorch's set-ups, standing ready (benchmarks/peers/serve.py): every figure is one millisecond.
PEER = """
import json, sys
def after(option):
    return sys.argv[sys.argv.index(option) + 1]
def say(value):
    print(json.dumps(value), flush=True)
def row(task, name, batch):
    return {"task": task, "name": name, "dtype": "bf16", "batch": int(batch), "median_ms": 1.0}
assert "--serve" in sys.argv
if after("--variants"):
    rows = [row("train", name, after("--batch")) for name in after("--variants").split(",")]
else:
    rows = [row("generate", way, batch) for way in after("--ways").split(",")
            for batch in after("--inference-batches").split(",")]
say({"version": "0", "processor": "none", "ready": [one["name"] for one in rows], "failed": {},
     "set_up_s": 0.0})
for line in sys.stdin:
    say({"results": [one for one in rows if line.strip() in ("all", one["name"])]})
"""
# Runs the program that is named after the tool's options.
SANITIZER = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do
  case "$1" in --tool | --report-api-errors | --error-exitcode) shift ;; esac
  shift
done
exec "$@"
"""


class Rehearsal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        done = run(ROOT / "scripts/bundle.sh", "--build", BUILD, "--without-cuda", "--folder",
                   cls.root / "bundle", env={**os.environ, "DCGAN_SHARED": str(SHARED)})
        assert done.returncode == 0, done.output
        for package, names in PACKAGES.items():
            for name in names:
                write(cls.root, f"site/nvidia/{package}/lib/{name}", "")
        write_program(cls.root, "bin/compute-sanitizer", SANITIZER)
        os.symlink(sys.executable, cls.root / "bin/python3")
        peer = write(cls.root, "peer.py", PEER)
        (cls.root / "empty").mkdir()
        cls.environment = {
            "PATH": f"{cls.root}/bin:/usr/bin:/bin", "HOME": str(cls.root / "empty"),
            "PYTHONPATH": str(cls.root / "site"), "DCGAN_REHEARSAL_PEER": str(peer)}

    def command(self, out, *options):
        return [str(word) for word in (self.root / "bundle/scripts/gpu_check.sh", "--rehearse",
                                       "--out", out, *options)]

    def check(self, out, *options, **environment):
        done = run(*self.command(out, *options), cwd=self.root / "empty",
                   env=self.environment | environment)
        return done, json.loads((out / "result.json").read_text())

    def read_whole(self, out):
        """Reads every file that a call gives back to its end."""
        self.assertLessEqual(len(list(out.iterdir())), 8)
        read = {path.name: json.loads(path.read_text()) for path in out.glob("*.json")}
        with tarfile.open(out / "logs.tar.gz") as tar:
            read["logs"] = {entry.name: tar.extractfile(entry).read() for entry in tar}
        return read

    def test_the_order_of_a_real_call_passes_and_gives_few_files_back(self):
        out = self.root / "whole"
        done, result = self.check(out)
        self.assertEqual(done.returncode, 0, done.output)
        self.assertIn("gpu check: passed", done.output)
        self.assertTrue(result["complete"] and result["passed"] and result["rehearsal"])
        self.assertRegex(result["revision"], "^[0-9a-f]{40}$")
        passed = [step["name"] for step in result["steps"] if step["outcome"] == "passed"]
        with_traces = (SHARED / "parity").is_dir()
        self.assertEqual(passed, [name for name in ORDER
                                  if with_traces or not name.startswith("trace_")])
        self.assertEqual({path.name for path in out.iterdir()}, FILES)
        read = self.read_whole(out)
        self.assertEqual(sorted(read["bench.json"]),
                         sorted(name for name in ORDER if name.startswith(("ops_", "step_"))))
        self.check_peers(read["peers.json"])
        for name in ["doctor.log", "train.log", "peers_search.log"]:
            self.assertTrue(read["logs"][name], name)
        self.check_libraries(result)
        self.check_next_call(out)

    def check_peers(self, reports):
        """Steps and generators of all that stood ready."""
        rows = {(row["name"], row["batch"]) for row in reports["peers"]["rows"]}
        ways = ("dcgan on the device", "pytorch graph", "pytorch compiled graph")
        generators = {(way, batch) for way in ways for batch in (1, 2)}
        self.assertEqual(rows, generators | {("dcgan step", 2)} |
                         {(f"pytorch P{n}", 2) for n in range(1, 6)})
        self.assertEqual({row["name"] for row in reports["peers_search"]["rows"]},
                         {"dcgan step", "pytorch P4", "pytorch P5", "pytorch P5t"})

    def check_libraries(self, result):
        """Every library is said to come from the stand-in for Python's packages."""
        named = {one["name"]: one["path"] for one in result["libraries"] if one["required"]}
        self.assertEqual(len(named), sum(map(len, PACKAGES.values())))
        for path in named.values():
            self.assertTrue(path.startswith(f"{self.root}/site/nvidia/"), path)

    def check_next_call(self, out):
        """A later call takes the plans of the first."""
        done, result = self.check(self.root / "next", "--cache", out / "logs.tar.gz", "--only",
                                  "step_bf16_64")
        self.assertEqual(done.returncode, 0, done.output)
        self.assertEqual(result["steps"][0]["name"], "cache")
        self.assertRegex(result["steps"][0]["detail"], r"^[1-9]\d* plans of ")
        seconds = {step["name"]: step["seconds"] for step in result["steps"]}
        self.assertIn("step_bf16_64", seconds)

    def test_a_call_that_is_killed_half_way_leaves_whole_results(self):
        out = self.root / "killed"
        command = self.command(out, "--only", "step_bf16_128,ops_bf16")
        with subprocess.Popen(command, cwd=self.root / "empty", env=self.environment,
                              stdout=subprocess.DEVNULL) as check:
            deadline = time.monotonic() + 120
            running = ""
            while running != "ops_bf16" and time.monotonic() < deadline:
                time.sleep(0.05)
                if (out / "result.json").exists():
                    running = json.loads((out / "result.json").read_text()).get("running", "")
            check.send_signal(signal.SIGKILL)
        self.assertEqual(check.returncode, -signal.SIGKILL)
        read = self.read_whole(out)
        self.assertEqual(read["result.json"]["running"], "ops_bf16")
        self.assertFalse(read["result.json"]["complete"] or read["result.json"]["passed"])
        outcomes = {step["name"]: step["outcome"] for step in read["result.json"]["steps"]}
        self.assertEqual(outcomes["step_bf16_128"], "passed")
        self.assertGreater(read["bench.json"]["step_bf16_128"]["results"][0]["median_ms"], 0)
        self.assertIn("step_bf16_128.log", read["logs"])

    def test_a_step_that_fails_fails_the_check_and_is_named(self):
        # The emulated device refuses its first copy, in whatever step comes to it. (A launch that
        # is refused while a convolution's plan is tried only rules out that plan.)
        done, result = self.check(self.root / "failed", "--only", "train",
                                  DCGAN_EMULATOR_FAIL="copy:1")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertFalse(result["passed"])
        train = next(step for step in result["steps"] if step["name"] == "train")
        self.assertEqual(train["outcome"], "FAILED")
        self.assertIn("exit 70", train["detail"])


if __name__ == "__main__":
    unittest.main()

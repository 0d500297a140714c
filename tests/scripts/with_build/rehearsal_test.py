"""scripts/gpu_check.sh --rehearse passes on the emulated build: what can run without a GPU ran, the
rest is shown as skipped, and result.json says so. DCGAN_PROGRAM: the built program."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ROOT, run

BUILD = pathlib.Path(os.environ["DCGAN_PROGRAM"]).parent
SHARED = pathlib.Path(os.environ.get("DCGAN_SHARED", ROOT.parent / "shared"))


class Rehearsal(unittest.TestCase):
    def test_everything_that_needs_no_gpu_passes(self):
        with tempfile.TemporaryDirectory() as out:
            done = run(ROOT / "scripts/gpu_check.sh", "--rehearse", "--build", BUILD, "--out", out)
            self.assertEqual(done.returncode, 0, done.output)
            self.assertIn("gpu check: passed", done.output)
            result = json.loads((pathlib.Path(out) / "result.json").read_text())
            self.assertTrue((pathlib.Path(out) / "samples.png").exists())
        self.assertTrue(result["rehearsal"] and result["passed"])
        self.assertRegex(result["revision"], "^[0-9a-f]{40}$")
        outcomes = {step["name"]: step["outcome"] for step in result["steps"]}
        passed = ["doctor", "train", "sample"]
        if (SHARED / "parity").is_dir():
            passed += ["trace_dc28_fp32", "trace_hinge_tf32", "trace_hinge_bf16"]
        for name in passed:
            self.assertEqual(outcomes.get(name), "passed", name)
        for name in ["gpu", "test_kernels", "memcheck", "bench_bf16"]:
            self.assertEqual(outcomes.get(name), "skipped", name)

    def test_a_step_that_fails_fails_the_check_and_is_named(self):
        with tempfile.TemporaryDirectory() as out:
            # The emulated device refuses its first copy, in whatever step comes to it. (A launch
            # that is refused while a convolution's plan is tried only rules out that plan.)
            done = run(ROOT / "scripts/gpu_check.sh", "--rehearse", "--build", BUILD, "--out", out,
                       env={**os.environ, "DCGAN_EMULATOR_FAIL": "copy:1",
                            "DCGAN_SHARED": "/nonexistent"})
            result = json.loads((pathlib.Path(out) / "result.json").read_text())
        self.assertEqual(done.returncode, 1, done.output)
        self.assertFalse(result["passed"])
        train = next(step for step in result["steps"] if step["name"] == "train")
        self.assertEqual(train["outcome"], "FAILED")
        self.assertIn("exit 70", train["detail"])


if __name__ == "__main__":
    unittest.main()

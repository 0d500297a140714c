"""scripts/gpu_check.sh as a whole: which steps run, and what is left when it is stopped.

The build is a stand-in: a shell script that says it has a GPU, and does in each step what the test
asks for.
"""

import json
import os
import signal
import subprocess
import tarfile
import time
import unittest

from gpu_check_support import Folder, linked_program
from support import ROOT, run, write_program

import results

DCGAN = """#!/bin/sh
echo "dcgan 0"
case "$1" in
  doctor) echo "GPU 0 a stand-in" ;;
  bench)
    while [ "$1" != --out ]; do shift; done
    echo '{"results": [{"task": "train", "median_ms": 2, "images_per_s": 64000}]}' >"$2"
    echo measured
    [ -z "$HANG" ] || { touch "$HANG"; sleep 60; } ;;
  verify) echo "5 steps, 7 tensors compared, 0 failed" ;;
esac
"""


class Check(Folder):
    """The whole script on a stand-in for a build."""

    def setUp(self):
        super().setUp()
        write_program(self.root, "build/dcgan", DCGAN)
        (self.root / "shared/parity").mkdir(parents=True)
        write_program(self.root, "bin/nvidia-smi", "#!/bin/sh\necho a stand-in\n")
        self.out = self.root / "out"
        self.environment = {**os.environ, "DCGAN_SHARED": str(self.root / "shared"), "HANG": "",
                            "PATH": f"{self.root}/bin:{os.environ['PATH']}"}

    def command(self, *options):
        return [str(word) for word in (ROOT / "scripts/gpu_check.sh", "--build",
                                       self.root / "build", "--out", self.out, *options)]

    def check(self, *options):
        done = run(*self.command(*options), env=self.environment)
        return done, json.loads((self.out / "result.json").read_text())

    def outcomes(self, result):
        return {step["name"]: step["outcome"] for step in result["steps"]}

    def test_the_first_part_runs_in_its_order(self):
        done, result = self.check("--part", "first")
        self.assertEqual(done.returncode, 0, done.output)
        self.assertEqual([step["name"] for step in result["steps"]],
                         ["libraries", "gpu", "doctor", "trace_dc64_fp32", "trace_dc64_tf32",
                          "trace_dc64_bf16", "step_bf16_64", "step_bf16_128", "step_bf16_1024",
                          "peers", "ops_bf16", "tests"])
        self.assertEqual((result["gpu"], result["complete"], result["passed"]),
                         ("a stand-in", True, True))
        self.assertIn("2.000 ms, 64000 images/s", done.output)
        self.assertEqual(sorted(json.loads((self.out / "bench.json").read_text())),
                         ["step_bf16_1024", "step_bf16_128", "step_bf16_64"])
        self.assertLessEqual(len(list(self.out.iterdir())), 8)

    def test_a_step_for_which_no_time_is_left_is_skipped_with_the_reason(self):
        done, result = self.check("--part", "first", "--budget-s", "9")
        self.assertEqual(done.returncode, 0, done.output)
        trace = next(step for step in result["steps"] if step["name"] == "trace_dc64_fp32")
        self.assertEqual(trace["outcome"], "skipped")
        self.assertRegex(trace["detail"], "needs 5 s, [01] s of 9 s are left")

    def test_a_step_that_the_budget_cuts_short_has_not_failed(self):
        self.environment["HANG"] = str(self.root / "hangs")
        done, result = self.check("--only", "step_bf16_64", "--part", "first", "--budget-s", "16")
        self.assertEqual(done.returncode, 0, done.output)
        step = result["steps"][-1]
        self.assertEqual((step["name"], step["outcome"]), ("step_bf16_64", "skipped"))
        self.assertRegex(step["detail"], r"stopped after \d s, all that was left; 2\.000 ms")

    def test_a_report_of_another_shape_does_not_end_the_check(self):
        write_program(self.root, "build/dcgan", DCGAN.replace('"median_ms": 2,', ""))
        done, result = self.check("--part", "first")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertIn("median_ms", result["steps"][6]["detail"])
        self.assertEqual(result["steps"][-1]["name"], "tests")

    def test_nobody_has_to_read_the_output(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(self.command("--part", "first"), env=self.environment, stdout=writer,
                              check=False)
        os.close(writer)
        self.assertEqual(done.returncode, 0)
        self.assertTrue(json.loads((self.out / "result.json").read_text())["complete"])

    def test_a_program_that_fails_fails_the_check_and_the_others_run(self):
        write_program(self.root, "build/dcgan",
                      DCGAN.replace("echo measured", "echo no kernel image; exit 70"))
        done, result = self.check("--part", "first")
        self.assertEqual(done.returncode, 1, done.output)
        step = next(step for step in result["steps"] if step["name"] == "step_bf16_64")
        self.assertEqual((step["outcome"], step["detail"]), ("FAILED", "exit 70: no kernel image"))
        self.assertEqual(self.outcomes(result)["trace_dc64_bf16"], "passed")

    def test_a_program_without_its_libraries_is_not_started(self):
        os.replace(linked_program(self.root), self.root / "build/dcgan")
        self.environment["DCGAN_TORCH_PYTHON"] = "/bin/false"  # no packages of Python
        done, result = self.check("--part", "first")
        self.assertEqual(done.returncode, 1, done.output)
        self.assertEqual([step["name"] for step in result["steps"]], ["libraries"])
        self.assertIn("missing: libcublasLt.so.77", result["steps"][0]["detail"])

    def test_without_a_usable_gpu_nothing_is_run(self):
        write_program(self.root, "build/dcgan", DCGAN.replace("GPU 0", "GPU none usable:"))
        done, result = self.check("--part", "first")
        self.assertEqual(done.returncode, 1, done.output)
        outcomes = self.outcomes(result)
        self.assertEqual(outcomes.pop("doctor"), "FAILED")
        self.assertEqual({name for name, outcome in outcomes.items() if outcome == "passed"},
                         {"libraries", "gpu"})
        details = {step["name"]: step["detail"] for step in result["steps"]}
        self.assertEqual(details["step_bf16_64"], "no usable GPU")

    def stop_in_a_step(self, number):
        """Stops the check in the middle of its first benchmark."""
        hangs = self.root / "hangs"
        self.environment["HANG"] = str(hangs)
        with subprocess.Popen(self.command("--part", "first", "--only", "step_bf16_64"),
                              env=self.environment, stdout=subprocess.DEVNULL) as check:
            deadline = time.monotonic() + 60
            while not hangs.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            check.send_signal(number)
            check.wait(30)
        return check.returncode, json.loads((self.out / "result.json").read_text())

    def test_a_termination_leaves_whole_results_with_what_the_step_had_written(self):
        status, result = self.stop_in_a_step(signal.SIGTERM)
        self.assertEqual(status, 128 + signal.SIGTERM)
        self.assertEqual(result["steps"][-1]["name"], "stopped")
        self.assertIn("step_bf16_64", json.loads((self.out / "bench.json").read_text()))
        with tarfile.open(self.out / results.LOGS) as tar:
            self.assertEqual(tar.extractfile("step_bf16_64.log").read(), b"dcgan 0\nmeasured\n")

    def test_a_kill_leaves_the_state_before_the_step(self):
        _, result = self.stop_in_a_step(signal.SIGKILL)
        self.assertEqual(result["running"], "step_bf16_64")
        self.assertFalse(result["complete"] or result["passed"])
        self.assertEqual(self.outcomes(result)["doctor"], "passed")
        with tarfile.open(self.out / results.LOGS) as tar:
            self.assertIn("doctor.log", tar.getnames())

    def test_options_that_make_no_sense_are_refused(self):
        for options in [["--part", "third"], ["--cache", "/nowhere"], ["--build", "/nowhere"]]:
            done = run(ROOT / "scripts/gpu_check.sh", "--out", self.out, *options)
            self.assertEqual(done.returncode, 2, done.output)
        self.assertIn("--budget-s", run(ROOT / "scripts/gpu_check.sh", "--help").output)


if __name__ == "__main__":
    unittest.main()

"""scripts/gpu_check: where libraries are found, what is left when it is stopped, which steps run.

The build is a stand-in: a shell script that says it has a GPU, and does in each step what the test
asks for.
"""

import io
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

from support import ROOT, run, write, write_program

sys.path.insert(0, str(ROOT / "scripts/gpu_check"))
import headlines
import libraries
import results
import runner

# Majors that no machine has, so that its own libraries cannot serve by chance.
LINKED = ["libcudnn_graph.so.99", "libcublasLt.so.77"]
CUDNN = ["libcudnn_graph.so.99", "libcudnn_engines_precompiled.so.99",
         "libcudnn_heuristic.so.99", "libcudnn_engines_runtime_compiled.so.99"]
CUDA = ["libcublasLt.so.77", "libnvrtc.so.77", "libnvrtc-builtins.so.77.0"]
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


def linked_program(folder):
    """A program that needs libcudnn_graph and libcublasLt, and these two, empty, in lib/."""
    source = write(folder, "empty.c", "int main(void) { return 0; }\n")
    (folder / "lib").mkdir()
    needed = [folder / "lib" / name for name in LINKED]
    for library in needed:
        done = run("cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", library,
                   f"-Wl,-soname,{library.name}")
        assert done.returncode == 0, done.output
    done = run("cc", source, "-o", folder / "program", "-Wl,--no-as-needed", *needed)
    assert done.returncode == 0, done.output
    return folder / "program"


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)


class Libraries(Folder):
    """A program that needs cuDNN; a site-packages that has it."""

    def setUp(self):
        super().setUp()
        self.program = linked_program(self.root)
        self.site = self.root / "site-packages"
        self.fill(self.site / "nvidia/cudnn/lib", CUDNN)
        self.fill(self.site / "nvidia/cu13/lib", CUDA)
        write(self.site, "nvidia_cudnn_cu13-9.19.0.56.dist-info/RECORD",
              "nvidia/cudnn/lib/libcudnn_graph.so.99,sha256=x,1\n")
        self.python = write_program(self.root, "python", f"#!/bin/sh\necho {self.site}\n")

    def fill(self, folder, names):
        """Files of these names; those that the program is linked with are libraries."""
        folder.mkdir(parents=True)
        for name in names:
            own = self.root / "lib" / name
            (folder / name).write_bytes(own.read_bytes() if own.exists() else b"")

    def test_pythons_packages_serve_where_the_machine_has_nothing(self):
        found = libraries.find(self.program, self.python)
        self.assertEqual(found.missing(), [])
        places = {one.name: one for one in found.libraries}
        self.assertEqual(places["libcudnn_graph.so.99"].path,
                         f"{self.site}/nvidia/cudnn/lib/libcudnn_graph.so.99")
        self.assertEqual(places["libcudnn_graph.so.99"].package, "nvidia-cudnn-cu13-9.19.0.56")
        # What cuDNN opens while it runs is on the path, too.
        self.assertEqual(places["libnvrtc-builtins.so.77.*"].path,
                         f"{self.site}/nvidia/cu13/lib/libnvrtc-builtins.so.77.0")
        self.assertFalse(places["libnccl.so.2"].required)
        text = "\n".join(libraries.lines(found))
        self.assertRegex(text, r"libnccl\.so\.2 +not found")

    def test_what_is_missing_is_named_also_when_the_program_would_start(self):
        for name in ["cudnn/lib/libcudnn_heuristic.so.99", "cu13/lib/libnvrtc.so.77"]:
            (self.site / "nvidia" / name).unlink()
        found = libraries.find(self.program, self.python)
        self.assertEqual(found.missing(), ["libcudnn_heuristic.so.99", "libnvrtc.so.77"])
        self.assertIn("MISSING", "\n".join(libraries.lines(found)))

    def test_a_machine_that_has_them_is_taken_as_it_is(self):
        self.fill(self.root / "own", CUDNN + CUDA)
        before = os.environ.get("LD_LIBRARY_PATH")
        self.addCleanup(lambda: os.environ.pop("LD_LIBRARY_PATH") if before is None
                        else os.environ.update(LD_LIBRARY_PATH=before))
        os.environ["LD_LIBRARY_PATH"] = str(self.root / "own")
        found = libraries.find(self.program, self.python)
        self.assertEqual(found.library_path, str(self.root / "own"))
        self.assertEqual(found.missing(), [])


class Results(Folder):
    def setUp(self):
        super().setUp()
        for name in ["out", "logs", "cache", "other"]:
            (self.root / name).mkdir()
        self.results = results.Results(self.root / "out", self.root / "logs", self.root / "cache",
                                       {"gpu": "none"})

    def packed(self):
        return tarfile.open(self.root / "out" / results.LOGS)

    def test_the_plan_cache_comes_back_and_nothing_else(self):
        write(self.root, "logs/doctor.log", "GPU 0")
        write(self.root, "cache/plan-1.json", "{}")
        self.results.save(1.0)
        count = results.restore_cache(self.root / "out" / results.LOGS, self.root / "other")
        self.assertEqual(count, 1)
        self.assertEqual([path.name for path in (self.root / "other").iterdir()], ["plan-1.json"])

    def test_an_archive_cannot_write_elsewhere(self):
        with tarfile.open(self.root / "evil.tar.gz", "w:gz") as tar:
            for name in ["../plan-cache/../x.json", "plan-cache/../../y.json", "/plan-cache/z.json"]:
                entry = tarfile.TarInfo(name)
                entry.size = 2
                tar.addfile(entry, io.BytesIO(b"{}"))
        results.restore_cache(self.root / "evil.tar.gz", self.root / "other")
        outside = {path.name for path in self.root.rglob("*.json")} - {"z.json"}
        self.assertEqual(outside, set())

    def test_long_logs_keep_their_beginning_and_end_and_the_archive_its_limit(self):
        write(self.root, "logs/long.log", "first\n" + "x" * (3 << 20) + "\nlast\n")
        (self.root / "cache/plan-1.json").write_bytes(os.urandom(results.MOST_BYTES + 1))
        self.results.save(1.0)
        self.assertLess((self.root / "out" / results.LOGS).stat().st_size, results.MOST_BYTES)
        with self.packed() as tar:
            self.assertEqual(tar.getnames(), ["long.log"])
            text = tar.extractfile("long.log").read()
        self.assertLess(len(text), results.MOST_LOG_BYTES + 100)
        self.assertTrue(text.startswith(b"first") and text.endswith(b"last\n"))

    def test_nothing_is_passed_before_the_end_and_a_broken_report_is_left_out(self):
        self.results.note("a", "passed", 1.0)
        write(self.root, "a.json", '{"results": [')
        self.results.take_report("bench.json", "a", self.root / "a.json")
        self.assertFalse((self.root / "out/bench.json").exists())
        for complete in [False, True]:
            self.results.save(1.0, complete=complete)
            result = json.loads((self.root / "out/result.json").read_text())
            self.assertIs(result["passed"], complete)


class Runner(Folder):
    def run_script(self, text, limit_s):
        program = write_program(self.root, "program", "#!/bin/sh\n" + text)
        shown, runner.show = runner.show, lambda line: None
        try:
            return runner.run([program], dict(os.environ), self.root, self.root / "a.log", limit_s)
        finally:
            runner.show = shown

    def test_it_keeps_the_output_and_the_status(self):
        ended = self.run_script("echo one; echo two >&2; exit 3\n", 10)
        self.assertEqual((ended.status, ended.in_time, ended.last_line), (3, True, "two"))
        self.assertEqual((self.root / "a.log").read_text(), "one\ntwo\n")

    def test_a_program_that_is_not_there_is_a_command_that_failed(self):
        ended = runner.run([self.root / "none"], {}, self.root, self.root / "a.log", 10)
        self.assertEqual((ended.status, ended.in_time), (runner.NOT_STARTED, True))
        self.assertIn("No such file", (self.root / "a.log").read_text())

    def test_a_command_is_stopped_with_everything_it_started(self):
        pid = self.root / "pid"
        ended = self.run_script(f"trap '' TERM; sleep 60 & echo $! >{pid}; echo begun; wait; wait\n",
                                1)
        self.assertFalse(ended.in_time)
        self.assertLess(ended.seconds, 20)
        state = pathlib.Path(f"/proc/{pid.read_text().strip()}/stat")
        self.assertTrue(not state.exists() or state.read_text().split()[2] == "Z")
        self.assertEqual((self.root / "a.log").read_text(), "begun\n")


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
                          "peers_128", "ops_bf16", "tests"])
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


class Headlines(unittest.TestCase):
    def test_operations_are_judged_at_the_largest_batch(self):
        rows = [{"batch": batch, "roofline_share": share, "operation": "add", "name": name}
                for batch, share, name in [(64, 0.1, "x"), (1024, 0.9, "y"), (1024, 0.5, "z")]]
        self.assertEqual(headlines.of({"operations": [], "results": rows}),
                         "batch 1024: 1 of 2 calls at 85% of the copy, least 50%: add z")

    def test_a_comparison_names_every_peer(self):
        rows = [{"task": "train", "name": name, "ratio": ratio}
                for name, ratio in [("dcgan step", 1), ("pytorch P2", 1.5), ("pytorch P5", None)]]
        self.assertEqual(headlines.of({"rows": rows, "rounds": 1, "failed": {"P4": "no"}}),
                         "1 whole rounds: pytorch P2 1.50x, P4 failed")


if __name__ == "__main__":
    unittest.main()

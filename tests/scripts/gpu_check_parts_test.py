"""The parts of scripts/gpu_check: where libraries are found, what the files hold, one command."""

import io
import json
import os
import pathlib
import tarfile
import time
import unittest

from gpu_check_support import Folder, linked_program
from support import write, write_program

import headlines
import libraries
import plan
import results
import runner

CUDNN = ["libcudnn_graph.so.99", "libcudnn_engines_precompiled.so.99",
         "libcudnn_heuristic.so.99", "libcudnn_engines_runtime_compiled.so.99"]
CUDA = ["libcublasLt.so.77", "libnvrtc.so.77", "libnvrtc-builtins.so.77.0"]


def ends_soon(pid, seconds=20):
    """Whether the process has ended, or ends now: a killed one takes a moment on a busy machine."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:  # it has been collected: before the look, or during it
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


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

    def test_nccl_is_required_by_a_program_that_is_linked_with_it(self):
        other = self.root / "for_several_gpus"
        other.mkdir()
        found = libraries.find(linked_program(other, ["libnccl.so.2"]), self.python)
        self.assertEqual([one.required for one in found.libraries if one.name == "libnccl.so.2"],
                         [True])

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
            for name in ["../plan-cache/../x.json", "plan-cache/../../y.json",
                         "/plan-cache/z.json"]:
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
        ended = self.run_script("trap '' TERM; sleep 60 & "
                                f"echo $! >{pid}; echo begun; wait; wait\n", 1)
        self.assertFalse(ended.in_time)
        self.assertLess(ended.seconds, 20)
        self.assertTrue(ends_soon(pid.read_text().strip()))
        self.assertEqual((self.root / "a.log").read_text(), "begun\n")


class Plan(Folder):
    def steps(self, gpus):
        machine = plan.Machine(self.root, self.root, self.root, self.root, "", False, {}, gpus)
        return list(plan.ranks(machine))

    def test_several_gpus_get_a_rank_each(self):
        steps = {step.name: step for step in self.steps(8)}
        self.assertEqual([step.skip for step in steps.values()], [""] * 4)
        for name in ("all_reduce", "ranks", "ranks_sync"):
            command = steps[name].command
            self.assertEqual(command[command.index("--gpus") + 1], 8)
        self.assertIn("--sync-batch-norm", steps["ranks_sync"].command)

    def test_one_gpu_says_where_its_rank_is_tested(self):
        for step in self.steps(1):
            self.assertIn("test_comm", step.skip)


class Headlines(unittest.TestCase):
    def test_operations_are_judged_at_the_largest_batch(self):
        rows = [{"batch": batch, "roofline_share": share, "operation": "add", "name": name}
                for batch, share, name in [(64, 0.1, "x"), (1024, 0.9, "y"), (1024, 0.5, "z")]]
        self.assertEqual(headlines.of({"operations": [], "results": rows}),
                         "batch 1024: 1 of 2 calls at 85% of the copy, least 50%: add z")

    def test_a_comparison_names_every_peer(self):
        rows = [{"task": "train", "name": name, "ratio": ratio, "batch": 64}
                for name, ratio in [("dcgan step", 1), ("pytorch P2", 1.5), ("pytorch P5", None)]]
        self.assertEqual(headlines.of({"rows": rows, "rounds": 1, "failed": {"P4": "no"}}),
                         "1 whole rounds: pytorch P2 1.50x, P4 failed")
        rows.append(rows[1] | {"batch": 128})
        self.assertEqual(headlines.of({"rows": rows, "rounds": 5, "failed": {}}),
                         "5 whole rounds: pytorch P2 at 64 1.50x, pytorch P2 at 128 1.50x")


if __name__ == "__main__":
    unittest.main()

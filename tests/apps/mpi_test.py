"""Ranks that mpirun starts: the same training, and the same words when one is lost. Skipped where
the program has no MPI or there is no mpirun of Open MPI."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from ranks_support import RANKS, kill_stopped
from support import PROGRAM, ProgramTest, checkpoint, run, steps_of

# Open MPI's options, which it takes from the environment.
OPEN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            # It leaks, and unloads its plug-ins: LeakSanitizer cannot tell their leaks from ours.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
MPIRUN = shutil.which("mpirun")


def has_open_mpi():
    if MPIRUN is None or not re.search(r"^MPI +Open MPI", run("doctor").stdout, re.MULTILINE):
        return False
    version = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, check=False)
    return "Open MPI" in version.stdout


@unittest.skipUnless(has_open_mpi(), "no mpirun of Open MPI, or a program without it")
class Mpi(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"

    def start(self, ranks, *arguments, options=()):
        command = [MPIRUN, *options, "-n", ranks, PROGRAM, "train", *RANKS, *arguments]
        return subprocess.Popen([str(word) for word in command], env=os.environ | OPEN_MPI,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, mpirun, seconds=120):
        try:
            output, errors = mpirun.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            mpirun.kill()
            raise AssertionError(f"does not end: {mpirun.communicate()}") from None
        return mpirun.returncode, output, errors

    def run_mpi(self, ranks, *arguments, options=()):
        code, output, errors = self.finish(self.start(ranks, *arguments, options=options))
        self.assertEqual(code, 0, output + errors)
        return output, errors

    def test_ranks_of_mpirun_speak_with_one_voice_and_say_what_connects_them(self):
        output, errors = self.run_mpi(3, "--steps", "4", "--log-every", "2", "--out", self.out)
        self.assertEqual(output.count("Loss_D"), 3, output)
        self.assertRegex(errors, r"ranks: 3 by Open MPI, connected by Open MPI \d")
        self.assertNotIn("MPI_Finalize", errors)
        manifest = json.loads((checkpoint(self.out, 4) / "manifest.json").read_text())
        self.assertEqual(manifest["world_size"], 3)

    def test_mpi_and_tcp_leave_the_same_bits_of_two_ranks(self):
        # a + b is b + a.
        self.run_mpi(2, "--steps", "3", "--out", self.out)
        _, errors = self.run_mpi(2, "--steps", "3", "--transport", "tcp", "--out",
                                 self.folder / "tcp")
        self.assertIn("connected by TCP", errors)
        self.assert_same_tensors(checkpoint(self.folder / "tcp", 3), checkpoint(self.out, 3))

    def test_a_program_without_launcher_has_no_mpi_to_use(self):
        done = run("train", *RANKS, "--ranks", "2", "--transport", "mpi", "--out", self.out)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("has not started this process for MPI; use mpirun or srun", done.stderr)

    def running(self, mpirun, ranks):
        """The ranks' process numbers, by rank, once they train."""
        path = self.out / "metrics.jsonl"
        deadline = time.monotonic() + 60
        while not path.exists() or len(path.read_text().splitlines()) < 3:
            self.assertLess(time.monotonic(), deadline, "does not train")
            self.assertIsNone(mpirun.poll(), "has ended")
            time.sleep(0.02)
        children = f"/proc/{mpirun.pid}/task/{mpirun.pid}/children"
        with open(children, encoding="ascii") as file:
            pids = sorted(int(pid) for pid in file.read().split())
        self.assertEqual(len(pids), ranks)
        return {self.rank_of(pid): pid for pid in pids}

    def rank_of(self, pid):
        with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
            return int(re.search(r"OMPI_COMM_WORLD_RANK=(\d+)", file.read())[1])

    def endless(self, *arguments):
        # The launcher lets the others live, so that they can be heard.
        return self.start(3, "--out", self.out, "--log-every", "1", *arguments,
                          options=["--enable-recovery", "--tag-output"])

    def test_a_killed_rank_is_named_by_the_others(self):
        mpirun = self.endless("--comm-timeout", "60")
        os.kill(self.running(mpirun, 3)[1], signal.SIGKILL)
        _, output, errors = self.finish(mpirun, seconds=40)  # long before the limit
        for rank in [0, 2]:
            self.assertRegex(errors, rf"\[1,{rank}\]<stderr>:.*rank 1: connection lost.*"
                                     r"last collectives: #\d+ \w+ ", output + errors)

    def test_a_stopped_rank_is_named_when_the_time_is_over(self):
        mpirun = self.endless("--comm-timeout", "7")
        stopped = self.running(mpirun, 3)[2]
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(12)
        kill_stopped([stopped])
        _, _, errors = self.finish(mpirun)
        self.assertRegex(errors, r"<stderr>:.*rank 2 is at #\d+ and silent for \d+ s")

    def test_sigusr1_to_mpirun_saves_at_one_step(self):
        mpirun = self.start(2, "--out", self.out, "--log-every", "1")
        self.running(mpirun, 2)
        mpirun.send_signal(signal.SIGUSR1)  # which mpirun forwards
        code, output, errors = self.finish(mpirun)
        self.assertEqual(code, 75, output + errors)
        self.assertEqual(len(steps_of(self.out)), 1)


if __name__ == "__main__":
    unittest.main()

"""What MPI ranks say when others do not come: the hidden cases of test_mpi, each started alone by
mpirun. TEST_MPI: that program; MPIEXEC: Open MPI's mpirun, which lets the other ranks live here
(--enable-recovery), or nothing."""

import os
import re
import signal
import subprocess
import sys
import threading
import unittest

MPIRUN = os.environ["MPIEXEC"]
PROGRAM = os.environ["TEST_MPI"]
LIMIT_S = 120
LEFT = "leaves MPI without MPI_Finalize: not all ranks have finished"


def run(*arguments, on_line=lambda line: None, **environment):
    """mpirun's exit status and the lines of all ranks."""
    mpirun = subprocess.Popen([MPIRUN, "--enable-recovery", "--tag-output", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=os.environ | environment)
    limit = threading.Timer(LIMIT_S, mpirun.kill)
    limit.start()
    lines = []
    for line in mpirun.stdout:
        lines.append(line.rstrip("\n"))
        on_line(line)
    status = mpirun.wait()
    limit.cancel()
    return status, lines


class Faults(unittest.TestCase):
    def assert_passed(self, lines, ranks):
        """The ranks' case passed; then they left MPI without its end."""
        text = "\n".join(lines)
        for rank in ranks:
            self.assertRegex(text, rf"\[1,{rank}\]<stdout>:.*All tests passed", text)
            self.assertIn(f"rank {rank} {LEFT}", text)

    def test_a_late_rank(self):
        _, lines = run("-n", "3", PROGRAM, "[.late]")
        self.assert_passed(lines, [0, 1])

    def test_abort_from_another_thread(self):
        _, lines = run("-n", "3", PROGRAM, "[.abort]")
        self.assert_passed(lines, [0, 1])

    def test_a_rank_that_does_not_finish(self):
        _, lines = run("-n", "3", PROGRAM, "[.unfinished]")
        self.assert_passed(lines, [0, 1])

    def test_a_killed_rank(self):
        _, lines = run("-n", "3", PROGRAM, "[.killed]")
        self.assert_passed(lines, [0, 1])

    def test_a_stopped_rank(self):
        stopped, passed = [], []

        def end_the_stopped(line):
            stopped.extend(int(pid) for pid in re.findall(r"process (\d+) stops", line))
            passed.extend(re.findall("All tests passed", line))
            if len(passed) == 2 and stopped:
                os.kill(stopped.pop(), signal.SIGKILL)

        _, lines = run("-n", "3", PROGRAM, "[.stopped]", on_line=end_the_stopped)
        self.assert_passed(lines, [0, 1])

    def test_a_process_that_never_begins_mpi(self):
        _, lines = run("-n", "1", PROGRAM, "the names of MPI libraries are short", ":",
                       "-n", "1", sys.executable, "-c", "import time; time.sleep(4)",
                       DCGAN_TEST_MPI_SECONDS="1.5")
        self.assertIn("[1,0]<stderr>:MPI_Init: the other ranks did not come within 1.5 s", lines)


def is_open_mpi():
    """Its mpirun calls itself that, its mpiexec "OpenRTE"."""
    if not MPIRUN:
        return False
    version = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, check=False)
    return re.search("Open ?(MPI|RTE)", version.stdout) is not None


if __name__ == "__main__":
    if not is_open_mpi():
        print("skipped: no mpirun of Open MPI")
        sys.exit(77)
    unittest.main()

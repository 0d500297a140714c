"""Signals and sudden ends: save and leave with 75, or leave at once; nothing is ever half there."""

import json
import pathlib
import signal
import time
import unittest

from support import TENSOR_FILES, TINY, ProgramTest, Running, checkpoint, run, steps_of


def logged_steps(out):
    path = out / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def expects(pid, number):
    """Whether the process holds the signal or has a handler for it, from Linux's /proc."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


class Signals(ProgramTest):
    def endless(self, *arguments):
        return Running(*TINY, "--out", self.folder / "out", "--log-every", "1", *arguments)

    def interrupted(self, number):
        """Sends the signal during training; returns the step that was saved."""
        out = self.folder / "out"
        with self.endless() as training:
            training.wait_for(lambda: logged_steps(out) > 2)
            training.process.send_signal(number)
            code, errors = training.end()
        self.assertEqual(code, 75, errors)
        self.assertIn("stopped by a signal", errors)
        self.assertEqual(len(steps_of(out)), 1)
        self.assertEqual(steps_of(out)[0], logged_steps(out))  # the step under way was finished
        self.assertTrue((out / "samples.png").exists())  # and something is there to look at
        summary = json.loads((out / "summary.json").read_text())
        self.assertEqual((summary["reason"], summary["exit_code"]), ("signal", 75))
        return steps_of(out)[0]

    def assert_goes_on_as_if_nothing_had_been(self, step):
        last = step + 5
        self.run_ok("train", "--resume", self.folder / "out", "--steps", last)
        straight = self.train("straight", "--steps", last)
        self.assert_same_tensors(checkpoint(straight, last),
                                 checkpoint(self.folder / "out", last))

    def test_sigterm_saves_exits_75_and_the_run_can_go_on(self):
        self.assert_goes_on_as_if_nothing_had_been(self.interrupted(signal.SIGTERM))

    def test_sigusr1_does_likewise(self):
        self.assert_goes_on_as_if_nothing_had_been(self.interrupted(signal.SIGUSR1))

    def test_control_c_does_likewise(self):
        self.interrupted(signal.SIGINT)

    def test_a_lost_line_does_likewise(self):
        self.assert_goes_on_as_if_nothing_had_been(self.interrupted(signal.SIGHUP))

    def test_a_lost_line_is_ignored_under_nohup(self):
        out = self.folder / "out"
        with Running(*TINY, "--out", out, "--log-every", "1", ignored=[signal.SIGHUP]) as training:
            training.wait_for(lambda: logged_steps(out) > 2)
            training.process.send_signal(signal.SIGHUP)
            before = logged_steps(out)
            training.wait_for(lambda: logged_steps(out) > before + 2)
            training.process.send_signal(signal.SIGTERM)
            self.assertEqual(training.end()[0], 75)

    def test_a_signal_before_the_first_step_exits_75_too(self):
        # Before main(), while libraries begin; the data set alone takes a second.
        for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT]:
            out = self.folder / f"out-{number}"
            with self.subTest(signal=number), \
                    Running(*TINY, "--strokes-count", "20000", "--out", out) as training:
                training.wait_for(lambda: expects(training.process.pid, number))
                training.process.send_signal(number)
                code, errors = training.end()
                self.assertEqual(code, 75, errors)
                self.assertIn("stopped by a signal", errors)
            self.run_ok("train", *TINY, "--steps", "1", "--out", out, "--resume", "auto")

    def test_a_signal_while_ranks_are_started_reaches_them_all(self):
        with Running(*TINY, "--ranks", "2", "--out", self.folder / "out") as training:
            training.wait_for(lambda: expects(training.process.pid, signal.SIGTERM))
            training.process.send_signal(signal.SIGTERM)
            code, errors = training.end()
        self.assertEqual(code, 75, errors)

    def test_a_signal_that_is_sent_twice_at_once_counts_as_one(self):
        out = self.folder / "out"  # Slurm does so when it preempts a job
        with self.endless() as training:
            training.wait_for(lambda: logged_steps(out) > 2)
            training.process.send_signal(signal.SIGTERM)
            time.sleep(0.01)  # else the kernel may keep one of them only
            training.process.send_signal(signal.SIGTERM)
            code, errors = training.end()
        self.assertEqual(code, 75, errors)
        self.assertEqual(len(steps_of(out)), 1)

    def test_a_second_signal_leaves_at_once(self):
        out = self.folder / "out"
        # A step of 100 000 discriminator updates: the first signal cannot be answered soon.
        with self.endless("--d-steps", "100000") as training:
            training.wait_for(lambda: (out / "real.png").exists())
            before = training.cpu_seconds()
            training.wait_for(lambda: training.cpu_seconds() > before + 0.1)  # in its step by now
            training.process.send_signal(signal.SIGTERM)
            with self.assertRaises(AssertionError):
                training.wait_for(lambda: False, seconds=0.3)  # it finishes its step first
            training.process.send_signal(signal.SIGTERM)
            code, errors = training.end()
        self.assertEqual(code, 128 + signal.SIGTERM, errors)
        self.assertFalse((out / "checkpoints").exists())


class Killed(ProgramTest):
    def test_after_kill_9_the_newest_checkpoint_goes_on_to_the_same_end(self):
        out = self.folder / "out"
        for round_number in range(4):  # each stops at another moment of training or saving
            arguments = ["--resume", "auto", "--keep", "2", "--checkpoint-every", "2"]
            before = steps_of(out)[-1] if (out / "checkpoints").exists() else 0
            with Running(*TINY, "--out", out, *arguments) as training:
                training.wait_for(lambda before=before: (out / "checkpoints").exists() and
                                  steps_of(out) and steps_of(out)[-1] >= before + 6)
                training.process.kill()
                code, _ = training.end()
            self.assertEqual(code, -signal.SIGKILL, round_number)
        newest = steps_of(out)[-1]
        last = newest + 3
        done = run("train", "--resume", out, "--steps", last)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"at step {newest}\n", done.stderr)
        self.assertNotIn("warning", done.stderr)
        straight = self.train("straight", "--steps", last)
        self.assert_same_tensors(checkpoint(straight, last), checkpoint(out, last), TENSOR_FILES)


if __name__ == "__main__":
    unittest.main()

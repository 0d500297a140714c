"""Ranks that are killed, stopped, missing, doubled or different: the others say so and end."""

import os
import signal
import unittest

from ranks_support import (RANKS, Rank, RunningRanks, free_port, kill_stopped, rank_environment,
                           run_ranks)
from support import ProgramTest, checkpoint, run, steps_of


def logged_steps(out):
    path = out / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


class Faults(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"

    def endless(self, *arguments):
        return RunningRanks(*RANKS, "--ranks", "3", "--out", self.out, "--log-every", "1",
                            *arguments)

    def running(self, training):
        """The ranks' process numbers, once they train."""
        training.wait_for(lambda: logged_steps(self.out) > 2)
        return training.pids(3)

    def test_a_killed_rank_is_named_and_the_others_leave_with_79(self):
        with self.endless() as training:
            pids = self.running(training)
            os.kill(pids[1], signal.SIGKILL)
            code, errors = training.end()
        self.assertEqual(code, 128 + signal.SIGKILL, errors)
        self.assertIn("ranks: rank 1 ended with signal 9", errors)
        self.assertIn("rank 1: connection lost", errors)
        for rank in [0, 2]:
            self.assertIn(f"ranks: rank {rank} ended with code 79", errors)
        self.assertRegex(errors, r"last collectives: #\d+ \w+ ")

    def test_a_killed_first_rank_is_named_too(self):
        with self.endless() as training:
            pids = self.running(training)
            os.kill(pids[0], signal.SIGKILL)
            code, errors = training.end()
        self.assertEqual(code, 128 + signal.SIGKILL, errors)
        self.assertIn("rank 0: connection lost", errors)

    def test_a_stopped_rank_is_named_when_the_time_is_over(self):
        with self.endless("--comm-timeout", "7") as training:
            pids = self.running(training)
            try:
                os.kill(pids[2], signal.SIGSTOP)
                code, errors = training.end()
            finally:
                kill_stopped([pids[2]])
        self.assertEqual(code, 79, errors)
        self.assertRegex(errors, r"rank 2 is at #\d+ and silent for \d+ s")
        self.assertIn("ranks: rank 2 does not end: signal 9", errors)

    def test_the_ranks_end_with_the_process_that_started_them(self):
        with self.endless() as training:
            pids = self.running(training)
            training.process.kill()
            training.process.wait()
            for pid in pids:
                self.wait_until_gone(pid)
        self.assertEqual(len(steps_of(self.out)), 1)  # SIGTERM: saved

    def wait_until_gone(self, pid, seconds=30):
        import time
        deadline = time.monotonic() + seconds
        while os.path.exists(f"/proc/{pid}"):
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return  # nobody reaps it here
            self.assertLess(time.monotonic(), deadline, f"{pid} still runs")
            time.sleep(0.05)

    def test_a_rank_that_never_starts_is_named(self):
        results = run_ranks([0, 2], lambda _: [*RANKS, "--comm-timeout", "2", "--out", self.out],
                            size=3)
        for code, errors in results:
            self.assertEqual(code, 79, errors)
            self.assertIn("1 of 3 did not come within 2 s: 1", errors)

    def test_the_same_rank_twice_is_refused(self):
        port = free_port()
        ranks = [Rank(rank_environment(rank, 3, port), *RANKS, "--out", self.out)
                 for rank in [0, 1, 1]]
        for code, errors in [rank.end() for rank in ranks]:
            self.assertEqual(code, 78, errors)
            self.assertIn("are rank 1", errors)

    def test_other_options_are_refused_before_the_first_step(self):
        results = run_ranks([0, 1], lambda rank: [*RANKS, "--out", self.out, "--steps", "5",
                                                  "--lr", "0.0003" if rank else "0.0002"])
        for code, errors in results:
            self.assertEqual(code, 78, errors)
            self.assertIn("--lr is 0.0002 on rank 0 and 0.0003 on rank 1", errors)
        self.assertEqual(logged_steps(self.out), 0)

    def test_a_rank_whose_data_is_missing_ends_the_others_with_its_reason(self):
        def arguments(rank):
            folder = self.folder / ("pictures" if rank == 0 else "nowhere")
            return [*RANKS, "--strokes-count", "64", "--dataset", "folder", "--data", folder,
                    "--out", self.out]
        (self.folder / "pictures").mkdir()
        results = run_ranks([1, 0], arguments)
        codes = sorted(code for code, _ in results)
        self.assertTrue(set(codes) <= {78, 74, 79}, results)
        self.assertIn("nowhere", results[0][1] + results[1][1])

    def test_launchers_that_disagree_are_both_named(self):
        environment = rank_environment(0, 2, free_port())
        environment.update(OMPI_COMM_WORLD_RANK="1", OMPI_COMM_WORLD_SIZE="2")
        done = run("train", *RANKS, "--out", self.out, env=environment)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("RANK=0", done.stderr)
        self.assertIn("OMPI_COMM_WORLD_RANK=1", done.stderr)

    def saved_after(self, send):
        """Signals during training; the step that all ranks have saved."""
        with self.endless() as training:
            pids = self.running(training)
            send(training, pids)
            code, errors = training.end()
        self.assertEqual(code, 75, errors)
        self.assertEqual(len(steps_of(self.out)), 1, errors)
        return steps_of(self.out)[0]

    def assert_goes_on_as_if_nothing_had_been(self, step):
        last = step + 4
        self.run_ok("train", "--ranks", "3", "--resume", self.out, "--steps", last)
        self.run_ok("train", *RANKS, "--ranks", "3", "--steps", last, "--out",
                    self.folder / "straight")
        self.assert_same_tensors(checkpoint(self.folder / "straight", last),
                                 checkpoint(self.out, last))

    def test_sigterm_saves_at_one_step_and_the_run_goes_on(self):
        step = self.saved_after(lambda training, _: training.process.send_signal(signal.SIGTERM))
        self.assert_goes_on_as_if_nothing_had_been(step)

    def test_sigusr1_to_one_rank_stops_all_at_one_step(self):
        step = self.saved_after(lambda _, pids: os.kill(pids[2], signal.SIGUSR1))
        self.assert_goes_on_as_if_nothing_had_been(step)

    def test_a_second_signal_leaves_at_once(self):
        with self.endless("--d-steps", "100000") as training:
            training.wait_for(lambda: (self.out / "real.png").exists())
            training.process.send_signal(signal.SIGTERM)
            with self.assertRaises(AssertionError):
                training.wait_for(lambda: False, seconds=0.5)
            training.process.send_signal(signal.SIGTERM)
            code, errors = training.end()
        self.assertIn(code, [128 + signal.SIGTERM, 79], errors)
        self.assertFalse((self.out / "checkpoints").exists())

    def test_a_training_that_diverges_ends_every_rank_with_80(self):
        # As for one rank: x / 0 once the hinge loss has no gradient.
        done = run("train", *RANKS, "--ranks", "2", "--steps", "500", "--loss", "hinge", "--lr",
                   "0.01", "--beta2", "0", "--epsilon", "0", "--log-every", "1000",
                   "--checkpoint-every", "1", "--out", self.out)
        self.assertEqual(done.returncode, 80, done.stderr)
        self.assertEqual(done.stderr.count("diverged at step"), 2, done.stderr)
        self.assertGreater(steps_of(self.out)[-1], 0)

    def test_a_full_disk_ends_every_rank_and_says_whose(self):
        blocked = self.folder / "file"
        blocked.write_text("not a folder")
        done = run("train", *RANKS, "--ranks", "2", "--steps", "2", "--out", blocked / "out")
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertIn("rank 0", done.stderr)


if __name__ == "__main__":
    unittest.main()

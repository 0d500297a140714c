"""A resumed run equals a straight run, byte for byte, wherever it was cut."""

import unittest

from support import ProgramTest, checkpoint, run, same_bytes, steps_of


class SameAsStraight(ProgramTest):
    def assert_resumes_exactly(self, first, last, *arguments, files=()):
        """first + (last - first) steps leave what `last` steps leave."""
        straight = self.train("straight", "--steps", last, *arguments)
        out = self.train("resumed", "--steps", first, *arguments)
        # Nothing but where and how long: all else comes from the checkpoint.
        self.run_ok("train", "--resume", out, "--steps", last)
        self.assert_same_tensors(checkpoint(straight, last), checkpoint(out, last))
        for name in files:
            self.assertTrue(same_bytes(checkpoint(straight, last) / name,
                                       checkpoint(out, last) / name), name)
        self.assertTrue(same_bytes(straight / "samples.png", out / "samples.png"))
        self.assertFalse(same_bytes(checkpoint(out, first) / "generator.safetensors",
                                    checkpoint(out, last) / "generator.safetensors"))

    def test_at_the_end_of_an_epoch(self):
        self.assert_resumes_exactly(8, 16)

    def test_in_the_middle_of_an_epoch(self):
        self.assert_resumes_exactly(5, 10)

    def test_with_mirrored_images(self):
        self.assert_resumes_exactly(5, 10, "--flip")

    def test_with_two_discriminator_steps(self):
        self.assert_resumes_exactly(5, 11, "--d-steps", "2")

    def test_with_an_average_of_the_weights(self):
        self.assert_resumes_exactly(5, 10, "--ema-decay", "0.9",
                                    files=["generator_ema.safetensors"])

    def test_with_rmsprop(self):
        self.assert_resumes_exactly(5, 10, "--loss", "wgan", "--weight-clip", "0.01",
                                    "--optimizer", "rmsprop", "--lr", "5e-5")

    def test_with_everything_at_once_and_uniform_latent_vectors(self):
        self.assert_resumes_exactly(3, 13, "--flip", "--d-steps", "3", "--ema-decay", "0.99",
                                    "--latent", "uniform", "--loss", "hinge", "--seed", "77",
                                    files=["generator_ema.safetensors"])

    def test_the_metrics_go_on_where_they_were_and_hold_each_step_once(self):
        straight = self.train("straight", "--steps", "8", "--log-every", "1")
        out = self.train("out", "--steps", "6", "--log-every", "1", "--checkpoint-every", "4")
        # From the older checkpoint: what was logged after it is cut off.
        self.run_ok("train", "--resume", checkpoint(out, 4), "--steps", "8", "--log-every", "1")

        def losses(folder):
            rows = [line.split(",") for line in (folder / "losses.csv").read_text().splitlines()]
            return [row[:-2] for row in rows]  # without speed and time
        self.assertEqual(losses(out), losses(straight))
        self.assertEqual(len(losses(out)), 9)
        self.assertEqual(len((out / "metrics.jsonl").read_text().splitlines()), 8)

    def test_a_seed_of_its_own_gives_a_run_of_its_own(self):
        one = self.train("one", "--steps", "2", "--seed", "1")
        other = self.train("other", "--steps", "2", "--seed", "2")
        self.assertFalse(same_bytes(checkpoint(one, 2) / "generator.safetensors",
                                    checkpoint(other, 2) / "generator.safetensors"))


class Folders(ProgramTest):
    def test_a_resumed_run_goes_on_in_its_own_folder_or_in_the_one_named(self):
        out = self.train("out", "--steps", "2")
        straight = self.train("straight", "--steps", "4")
        there = self.folder / "there"
        self.run_ok("train", "--resume", checkpoint(out, 2), "--steps", "4", "--out", there)
        self.assertEqual((steps_of(out), steps_of(there)), ([2], [4]))
        self.assert_same_tensors(checkpoint(straight, 4), checkpoint(there, 4))
        self.run_ok("train", "--resume", out, "--steps", "4")
        self.assertEqual(steps_of(out), [2, 4])

    def test_a_run_that_has_reached_its_end_says_so_and_changes_nothing(self):
        out = self.train("out", "--steps", "3")
        before = {path.name: path.read_bytes() for path in checkpoint(out, 3).iterdir()}
        done = self.run_ok("train", "--resume", out)
        self.assertIn("all steps done at step 3", done.stderr)
        self.assertTrue(before == {path.name: path.read_bytes()
                                   for path in checkpoint(out, 3).iterdir()})

    def test_a_time_limit_counts_seconds_of_training_and_nothing_else(self):
        out = self.train("out", "--steps", "3")
        done = self.run_ok("train", "--resume", out, "--steps", "5", "--max-seconds", "60")
        self.assertIn("all steps done at step 5", done.stderr)

    def test_going_back_replaces_what_came_later_and_loses_nothing_new(self):
        straight = self.train("straight", "--steps", "6")
        out = self.train("out", "--steps", "8", "--checkpoint-every", "2", "--keep", "0")
        done = run("train", "--resume", checkpoint(out, 2), "--steps", "6", "--keep", "1",
                   "--checkpoint-every", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        # 8 is not older than what was saved; the newest of this run is there whatever came later.
        self.assertEqual(steps_of(out), [6, 8])
        self.assert_same_tensors(checkpoint(straight, 6), checkpoint(out, 6))

    def test_after_going_back_the_folder_s_name_means_what_was_saved_last(self):
        straight = self.train("straight", "--steps", "6", "--log-every", "1")
        out = self.train("out", "--steps", "8", "--checkpoint-every", "2", "--keep", "0",
                         "--log-every", "1")
        self.run_ok("train", "--resume", checkpoint(out, 2), "--steps", "5", "--log-every", "1")
        self.assertEqual(steps_of(out), [2, 4, 5, 6, 8])
        done = self.run_ok("train", "--resume", out, "--steps", "6", "--log-every", "1")
        self.assertIn("step_00000005 at step 5\n", done.stderr)
        self.assert_same_tensors(checkpoint(straight, 6), checkpoint(out, 6))
        self.assertEqual(len((out / "metrics.jsonl").read_text().splitlines()), 6)
        # Back to the branch that was left: its step is named, and nothing is lost.
        done = self.run_ok("train", "--resume", checkpoint(out, 8), "--steps", "9", "--log-every",
                           "1")
        self.assertIn("at step 8\n", done.stderr)
        done = self.run_ok("train", "--resume", out, "--steps", "10")
        self.assertIn("at step 9\n", done.stderr)

    def test_a_resumed_run_can_change_how_often_and_how_much_it_writes(self):
        out = self.train("out", "--steps", "2")
        self.run_ok("train", "--resume", out, "--steps", "6", "--checkpoint-every", "2",
                    "--keep", "2", "--log-every", "1", "--sample-every", "3", "--threads", "2")
        self.assertEqual(steps_of(out), [4, 6])
        self.assertTrue((out / "samples/step_00000003.png").exists())


if __name__ == "__main__":
    unittest.main()

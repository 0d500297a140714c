"""Several ranks, as processes: one bigger machine with one voice."""

import array
import json
import signal
import time
import unittest

from ranks_support import RANKS, Rank, free_port, rank_environment, run_ranks
from support import (CPU, NETWORK, ProgramTest, checkpoint, run, safetensors_header,
                     shared_or_skip, steps_of)


def floats(path):
    header, begin = safetensors_header(path)
    data = path.read_bytes()
    return {name: array.array("f", data[begin + entry["data_offsets"][0]:
                                        begin + entry["data_offsets"][1]])
            for name, entry in header.items() if entry["dtype"] == "F32"}


def farthest(one, other):
    mine, theirs = floats(one), floats(other)
    return max(abs(a - b) for name in mine for a, b in zip(mine[name], theirs[name]))


class Ranks(ProgramTest):
    def ranks(self, count, out, *arguments):
        return self.run_ok("train", *RANKS, "--ranks", count, "--out", self.folder / out,
                           *arguments)

    def test_two_ranks_with_common_batch_norm_leave_the_weights_of_one(self):
        data = shared_or_skip(self, "data", "mnist")
        common = ["train", *CPU, "--preset", "libtorch", "--ngf", "8", "--ndf", "8", "--dataset",
                  "mnist", "--data", data, "--sync-batch-norm", "--steps", "5", "--seed", "3"]
        self.run_ok(*common, "--ranks", "2", "--batch-size", "16", "--out", self.folder / "two")
        self.run_ok(*common, "--batch-size", "32", "--out", self.folder / "one")
        for name in ["generator.safetensors", "discriminator.safetensors"]:
            self.assertLess(farthest(checkpoint(self.folder / "two", 5) / name,
                                     checkpoint(self.folder / "one", 5) / name), 1e-5)

    def test_one_voice(self):
        done = self.ranks(3, "out", "--steps", "4", "--log-every", "2")
        self.assertEqual(done.stdout.count("Loss_D"), 3, done.stdout)
        self.assertNotIn("[1]", done.stdout + done.stderr)
        self.assertIn("ranks: 3 by --ranks, connected by TCP", done.stderr)
        lines = (self.folder / "out/metrics.jsonl").read_text().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(len(json.loads(lines[-1])["rank_images_per_second"]), 3)
        manifest = json.loads((checkpoint(self.folder / "out", 4) / "manifest.json").read_text())
        self.assertEqual(manifest["world_size"], 3)

    def test_ranks_resumed_equal_ranks_straight_through_bit_for_bit(self):
        self.ranks(3, "straight", "--steps", "6", "--flip", "--ema-decay", "0.9")
        self.ranks(3, "parts", "--steps", "3", "--flip", "--ema-decay", "0.9")
        self.run_ok("train", "--ranks", "3", "--resume", self.folder / "parts", "--steps", "6")
        self.assert_same_tensors(checkpoint(self.folder / "straight", 6),
                                 checkpoint(self.folder / "parts", 6))

    def test_another_number_of_ranks_goes_on_through_the_same_images(self):
        self.ranks(2, "out", "--steps", "2", "--sync-batch-norm", "--batch-size", "4")
        done = self.run_ok("train", "--resume", self.folder / "out", "--steps", "4")
        self.assertIn("1 rank x 8 images go on where 2 ranks x 4 ended", done.stderr)
        self.run_ok("train", *NETWORK, *CPU, "--strokes-count", "64", "--batch-size", "8",
                    "--epochs", "0", "--steps", "4", "--out", self.folder / "one")
        for name in ["generator.safetensors", "discriminator.safetensors"]:
            # Adam may turn the sign of a gradient that is almost nothing: 2 lr a step.
            self.assertLess(farthest(checkpoint(self.folder / "out", 4) / name,
                                     checkpoint(self.folder / "one", 4) / name), 1e-3)

    def test_another_world_batch_is_refused_with_both(self):
        self.ranks(2, "out", "--steps", "1", "--batch-size", "4")
        self.assert_fails(78, ["train", "--resume", self.folder / "out", "--batch-size", "4"],
                          "2 ranks x 4 images", "1 rank x 4")
        self.assert_fails(78, ["train", "--resume", self.folder / "out", "--ranks", "3"],
                          "8 a step", "3 ranks")

    def test_ranks_of_a_launcher(self):
        results = run_ranks([0, 1], lambda _: [*RANKS, "--steps", "2", "--out", self.folder / "o"])
        self.assertEqual([code for code, _ in results], [0, 0], results)
        self.assertIn("ranks: 2 by RANK and WORLD_SIZE", results[0][1])
        self.assertEqual(results[1][1], "")
        self.assertEqual(steps_of(self.folder / "o"), [2])

    def test_sixteen_processes_start_and_end(self):
        done = self.ranks(16, "out", "--steps", "2", "--batch-size", "2")
        self.assertIn("all steps done at step 2", done.stderr)

    def test_a_slow_rank_is_named(self):
        # Rank 2 is stopped most of the time. Its steps compute for long, so that this is mostly
        # while it computes: a rank that is stopped while it waits costs the others nothing.
        port = free_port()
        arguments = [*CPU, "--preset", "mnist32", "--ngf", "32", "--ndf", "32", "--batch-size",
                     "32", "--strokes-count", "96", "--epochs", "0", "--steps", "6",
                     "--log-every", "1", "--comm-timeout", "60", "--out", self.folder / "out"]
        ranks = [Rank(rank_environment(rank, 3, port), *arguments) for rank in range(3)]
        while ranks[0].process.poll() is None:
            for number, seconds in [(signal.SIGSTOP, 0.1), (signal.SIGCONT, 0.005)]:
                if ranks[2].process.poll() is None:
                    ranks[2].process.send_signal(number)
                time.sleep(seconds)
        results = [rank.end() for rank in ranks]
        self.assertEqual([code for code, _ in results], [0, 0, 0], results)
        self.assertIn("the others wait for rank 2", results[0][1])
        lines = (self.folder / "out/metrics.jsonl").read_text().splitlines()
        slowest = [json.loads(line)["slowest_rank"] for line in lines]
        self.assertGreater(slowest.count(2), len(slowest) / 2, slowest)

    def test_options_of_ranks_that_contradict_each_other(self):
        self.assert_fails(78, ["train", *RANKS, "--gpus", "2"], "--gpus 2", "--device cpu")
        environment = rank_environment(0, 2, free_port())
        done = run("train", *RANKS, "--ranks", "3", env=environment)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("RANK and WORLD_SIZE has started 2", done.stderr)

    def test_the_configuration_is_printed_once(self):
        done = self.run_ok("train", *RANKS, "--ranks", "4", "--print-config")
        self.assertFalse(json.loads(done.stdout)["sync-batch-norm"])


if __name__ == "__main__":
    unittest.main()

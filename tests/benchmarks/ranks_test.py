"""ranks.py starts the ranks that it says, and its ratios are those of a round. No time is looked at."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import ranks  # noqa: E402

PROGRAM = os.environ["DCGAN_PROGRAM"]
TINY = ["--nz", "4", "--ngf", "2", "--ndf", "2", "--warm-up", "1"]


def measure(folder, *arguments):
    out = pathlib.Path(folder) / "ranks.json"
    done = subprocess.run([sys.executable, "-B", str(BENCHMARKS / "ranks.py"), "--program", PROGRAM,
                           "--out", str(out), *arguments], capture_output=True, text=True,
                          check=False)
    return done, json.loads(out.read_text(encoding="utf-8")) if out.exists() else None


class Ranks(unittest.TestCase):
    def test_two_ranks_of_the_program_train_and_sum_together(self):
        # The options behind -- go to both modes: those of a network are not looked at by sums.
        with tempfile.TemporaryDirectory() as folder:
            done, report = measure(folder, "--preset", "mnist32", "--batch-size", "4", "--repeats",
                                   "2", "--rounds", "1", "--", *TINY)
        self.assertEqual(done.returncode, 0, done.stderr)
        one, two = report["weak_scaling"]
        self.assertEqual((one["ranks"], one["efficiency"], two["ranks"]), (1, 1, 2))
        self.assertAlmostEqual(two["efficiency"], two["images_per_s"] / (2 * one["images_per_s"]))
        # Images of both ranks.
        self.assertAlmostEqual(two["images_per_s"], 8e3 / two["median_ms"], places=6)
        self.assertEqual(report["rounds"][0][1]["transport"], "TCP")
        self.assertEqual([sums["ranks"] for sums in report["all_reduce"]], [2])
        self.assertIn("| 2 |", done.stdout)

    def test_a_launcher_that_starts_another_number_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            done, report = measure(folder, "--preset", "mnist32", "--batch-size", "4", "--repeats",
                                   "1", "--rounds", "1", "--launcher", "env N={n}", "--", *TINY)
        self.assertEqual(done.returncode, 1)
        self.assertIsNone(report)
        self.assertIn("1 ranks instead of 2", done.stderr)

    def test_ratios_are_taken_within_a_round(self):
        def row(rate):
            return {"images_per_s": rate, "median_ms": 1}
        rows = ranks.summarise([[row(100), row(150)], [row(50), row(90)], [row(80), row(80)]], [1, 2])
        self.assertEqual([round(rows[1][name], 6) for name in ("efficiency", "least", "most")],
                         [0.75, 0.5, 0.9])
        self.assertEqual(rows[0]["efficiency"], 1)

    def test_ranks_come_by_the_launcher_or_by_the_program(self):
        own = ranks.parse_options(["--out", "x", "--", "--sync-batch-norm"])
        self.assertEqual(ranks.command(own, 2, [])[-3:], ["--sync-batch-norm", "--ranks", "2"])
        self.assertNotIn("--ranks", ranks.command(own, 1, []))
        launched = ranks.parse_options(["--out", "x", "--launcher", "mpirun -n {n}"])
        words = ranks.command(launched, 4, [])
        self.assertEqual(words[:3], ["mpirun", "-n", "4"])
        self.assertNotIn("--ranks", words)


if __name__ == "__main__":
    unittest.main()

"""benchmarks/peers/figures.py and build_libtorch.sh: what needs no PyTorch."""

import contextlib
import io
import json
import sys
import tempfile
import unittest

from support import ROOT, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "benchmarks/peers"))
import figures  # noqa: E402


class Figures(unittest.TestCase):
    def test_percentiles_lie_between_the_nearest_ranks(self):
        self.assertEqual(figures.percentile([30, 10, 20], 0.5), 20)
        self.assertEqual(figures.percentile([10, 20], 0.5), 15)
        self.assertAlmostEqual(figures.percentile([0, 10, 20, 30, 40], 0.1), 4)
        self.assertEqual(figures.percentile([7], 0.9), 7)

    def test_a_row_counts_images_by_the_median(self):
        row = figures.result("train", "P1", "bf16", 64, [4, 2, 300])
        self.assertEqual((row["samples"], row["median_ms"], row["images_per_s"]), (3, 4, 16000))

    def test_a_rehearsed_row_has_no_figure(self):
        row = figures.result("train", "P1", "bf16", 64, None)
        self.assertEqual(row, {"task": "train", "name": "P1", "dtype": "bf16", "batch": 64})
        report = {"program": "pytorch", "version": "2", "device": "cpu", "rehearsal": True,
                  "results": [row]}
        self.assertIn("nothing was measured", self.printed(report, as_json=False))
        self.assertEqual(json.loads(self.printed(report, as_json=True)), report)

    def printed(self, report, as_json):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            figures.print_report(report, as_json)
        return output.getvalue()


class BuildLibtorch(unittest.TestCase):
    def test_a_folder_without_libtorch_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            result = run(ROOT / "benchmarks/peers/build_libtorch.sh", "--torch-prefix", folder)
        self.assertEqual(result.returncode, 69, result.output)
        self.assertIn(f"no libtorch in {folder}", result.output)


if __name__ == "__main__":
    unittest.main()

"""benchmarks/scaling.py: results from known times, and from a program that is slow or fails.

A script replaces the program: time and memory follow from the options by known formulas.
"""

import importlib.util
import json
import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write_program

sys.path.append(str(ROOT / "benchmarks"))
import scaling_report  # noqa: E402

# A step takes 2 ms per image on one thread, half of that on two; a plan has 1 MiB per image.
PROGRAM = f"""#!{sys.executable}
import json, sys, time
if sys.argv[1] == "doctor":
    print("CPU   a test program")
    sys.exit(0)
value = lambda option: int(sys.argv[sys.argv.index(option) + 1])
batch, size, threads = value("--batch-size"), value("--image-size"), value("--threads")
if batch == 13:
    sys.exit("batch 13 is not supported")
if batch >= 512:
    time.sleep(60)
ballast = bytearray(batch * 2 ** 20)
ballast[::4096] = b"x" * len(ballast[::4096])
ms = 2.0 * batch * (size / 64) ** 2 / threads
print(json.dumps({{"results": [{{"task": "train", "median_ms": ms, "p10_ms": ms, "p90_ms": ms,
                               "repeats": 5, "memory_bytes": batch * 2 ** 20}}]}}))
"""


class StoredResults(unittest.TestCase):
    def test_stored_files_still_make_a_table(self):
        # They are older than the name "scaling"; their keys are the same.
        files = sorted((ROOT / "benchmarks/results").glob("*-growth-*.json"))
        self.assertTrue(files)
        for file in files:
            table = scaling_report.markdown(json.loads(file.read_text()))
            for title in scaling_report.TITLES.values():
                self.assertIn(f"Training step against {title} (", table, file.name)


class Scaling(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.program = write_program(self.root, "dcgan", PROGRAM)

    def scaling(self, *options, picture=False):
        return run(sys.executable, "-B", ROOT / "benchmarks/scaling.py", "--program", self.program,
                   "--out", self.root / "out", *([] if picture else ["--no-picture"]), *options)

    def report(self, *options):
        result = self.scaling(*options)
        self.assertEqual(result.returncode, 0, result.output)
        return json.loads((self.root / "out/scaling.json").read_text())["axes"]

    def test_the_exponents_are_those_of_the_formulas(self):
        axes = self.report("--axes", "batch,image_size", "--batches", "1,4,16",
                           "--image-sizes", "32,64,128", "--threads", 1)
        self.assertEqual([row["median_ms"] for row in axes["batch"]], [2, 8, 32])
        for row in axes["batch"][1:]:
            self.assertAlmostEqual(row["time_exponent"], 1)
            self.assertAlmostEqual(row["plan_exponent"], 1)
            self.assertEqual(row["images_per_s"], 500)
        for row in axes["image_size"][1:]:
            self.assertAlmostEqual(row["time_exponent"], 2)
            self.assertAlmostEqual(row["plan_exponent"], 0)
        self.assertNotIn("time_exponent", axes["batch"][0])

    def test_speed_up_and_efficiency_are_relative_to_the_first_thread_count(self):
        one, two, four = self.report("--axes", "threads", "--thread-counts", "1,2,4")["threads"]
        self.assertEqual((one["speed_up"], one["efficiency"]), (1, 1))
        self.assertEqual((two["speed_up"], two["efficiency"]), (2, 1))
        self.assertEqual((four["speed_up"], four["efficiency"]), (4, 1))

    def test_the_peak_is_that_of_each_process_alone(self):
        # The axis of image sizes is measured after the large batch: a peak over all child processes
        # would be that of the large batch there, too.
        axes = self.report("--axes", "batch,image_size", "--batches", "200", "--image-sizes", "32",
                           "--batch", 1)
        mib = 2 ** 20
        self.assertGreater(axes["batch"][0]["peak_bytes"], 200 * mib)
        self.assertLess(axes["image_size"][0]["peak_bytes"], 150 * mib)
        self.assertEqual(axes["batch"][0]["plan_bytes"], 200 * mib)

    def test_a_slow_point_is_stopped_and_larger_ones_are_not_tried(self):
        axes = self.report("--axes", "batch", "--batches", "1,512,1024", "--max-seconds", 1)
        rows = axes["batch"]
        self.assertEqual([row["stopped"] for row in rows], [False, True, True])
        table = (self.root / "out/scaling.md").read_text()
        self.assertIn("| 512 | over 1 s a process |", table)
        self.assertIn("| 1024 | over 1 s a process |", table)

    def test_a_program_that_fails_fails_the_measurement(self):
        result = self.scaling("--axes", "batch", "--batches", "1,13")
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("left with 1: batch 13 is not supported", result.output)
        self.assertFalse((self.root / "out").exists())

    def test_threads_are_no_axis_of_a_gpu(self):
        result = self.scaling("--device", "cuda", "--axes", "threads")
        self.assertEqual(result.returncode, 2, result.output)
        self.assertIn("no axis threads on cuda; there are batch, image_size", result.output)

    def test_the_picture_is_drawn_or_matplotlib_asked_for(self):
        result = self.scaling("--axes", "batch", "--batches", "1,2", picture=True)
        if importlib.util.find_spec("matplotlib") is None:
            self.assertEqual(result.returncode, 69, result.output)
            self.assertIn("pip install matplotlib", result.output)
            self.assertFalse((self.root / "out").exists())
        else:
            self.assertEqual(result.returncode, 0, result.output)
            self.assertEqual((self.root / "out/scaling.png").read_bytes()[:4], b"\x89PNG")


if __name__ == "__main__":
    unittest.main()

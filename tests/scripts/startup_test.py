"""benchmarks/startup.py: times whole processes of a stand-in, and says when one fails."""

import json
import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write_program

# Training takes no time, each sample a twentieth of a second.
STAND_IN = f"""#!{sys.executable}
import sys, time
if sys.argv[1] == "doctor":
    print("CPU   a stand-in")
if sys.argv[1] == "sample":
    time.sleep(0.05)
    if "cuda" in sys.argv:
        sys.exit("no such device")
"""


class Startup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.program = write_program(self.root, "dcgan", STAND_IN)

    def startup(self, *options):
        return run(sys.executable, "-B", ROOT / "benchmarks/startup.py", "--program", self.program,
                   "--runs", 3, "--json", self.root / "out.json", *options)

    def test_every_time_is_that_of_a_whole_process(self):
        result = self.startup()
        self.assertEqual(result.returncode, 0, result.output)
        report = json.loads((self.root / "out.json").read_text())
        self.assertLessEqual(50, report["min_ms"])
        self.assertLessEqual(report["min_ms"], report["median_ms"])
        self.assertLessEqual(report["median_ms"], report["max_ms"])
        self.assertEqual((report["runs"], report["machine"]), (3, "CPU a stand-in"))

    def test_a_process_that_fails_is_no_measurement(self):
        result = self.startup("--device", "cuda")
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("no such device", result.output)
        self.assertFalse((self.root / "out.json").exists())


if __name__ == "__main__":
    unittest.main()

"""benchmarks/peers/compare.py: its ratios, its claim, and what it does when a program fails.

The programs are stand-ins whose times are known, so that the table can be checked exactly.
"""

import json
import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write

# Prints one result; each call of a program takes the next of its figures.
STAND_IN = """import json, pathlib, sys
who = sys.argv[sys.argv.index("--variants") + 1] if "--variants" in sys.argv else "step"
state = pathlib.Path(__file__).with_name(who + ".json")
figures = json.loads(state.read_text())
state.write_text(json.dumps(figures[1:]))
print(json.dumps({"results": [{"task": "train", "name": who, "dtype": "f32", "batch": 64,
                               "median_ms": figures[0]}]}))
"""


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.program = write(self.root, "program.py", STAND_IN)

    def compare(self, ours, **figures):
        for who, values in figures.items():
            write(self.root, f"{who}.json", json.dumps(values))
        return run(sys.executable, "-B", ROOT / "benchmarks/peers/compare.py", "--ours", ours,
                   "--python", sys.executable, "--peer", self.program, "--variants", "C0,C2",
                   "--rounds", 3, "--json", self.root / "out.json")

    def test_ratios_are_taken_inside_a_round_and_the_best_peer_is_marked(self):
        # The second round is slow for everybody: ratios inside it are as in the others.
        result = self.compare(f"{sys.executable} {self.program} --batch {{batch}}",
                              step=[10, 40, 10], C0=[30, 120, 30], C2=[20, 80, 20])
        self.assertEqual(result.returncode, 0, result.output)
        rows = {r["name"]: r for r in json.loads((self.root / "out.json").read_text())["rows"]}
        self.assertEqual(rows["pytorch C0"]["ratio"], 3)
        self.assertEqual(rows["pytorch C2"]["ratio"], 2)
        self.assertEqual(rows["dcgan step"]["ratio"], 1)
        self.assertEqual(rows["pytorch C2"]["rounds_ms"], [20, 80, 20])
        self.assertEqual([name for name in rows if rows[name]["best_peer"]], ["pytorch C2"])
        self.assertEqual(rows["dcgan step"]["images_per_s"], 6400)

    def test_a_program_that_fails_fails_the_comparison(self):
        result = self.compare("false", C0=[1], C2=[1])
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("ours: false left with 1", result.output)


if __name__ == "__main__":
    unittest.main()

"""benchmarks/peers/compare.py: its ratios, its claim, and what it does when a program fails.

The programs are stand-ins whose times are known, so that the table can be checked exactly.
"""

import json
import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write, write_program

# Prints one result; each call of a program takes the next of its figures.
STAND_IN = """#!/usr/bin/env python3
import json, pathlib, sys, time
def after(option, otherwise):
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else otherwise
who = after("--variants", pathlib.Path(__file__).stem)
state = pathlib.Path(__file__).with_name(who + ".json")
figures = json.loads(state.read_text())
state.write_text(json.dumps(figures[1:]))
dtype = {"P0": "tf32", "P1h": "f16"}.get(who, after("--dtype", "f32"))
if figures[0] == "fails":
    sys.exit("no kernel image")
if figures[0] == "hangs":
    time.sleep(60)
report = {"program": after("--program", "pytorch"), "version": "2.0", "processor": "Z80",
          "rehearsal": "--rehearse" in sys.argv}
report["results"] = [{"task": "train", "name": who, "dtype": dtype,
                      "batch": int(after("--batch", 64)), "median_ms": figures[0]}]
print(json.dumps(report))
"""
GPU_PEERS = ("P1", "P1h", "P2", "P3", "P4", "P5")


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.program = write(self.root, "step.py", STAND_IN)
        self.ours = f"{sys.executable} {self.program} --batch {{batch}}"

    def compare(self, *options, ours=None, variants="C0,C2", rounds=3, figures):
        for who, values in figures.items():
            write(self.root, f"{who}.json", json.dumps(values))
        return run(sys.executable, "-B", ROOT / "benchmarks/peers/compare.py", "--ours",
                   ours or self.ours, "--python", sys.executable, "--peer", self.program,
                   "--variants", variants, "--rounds", rounds, "--json", self.root / "out.json",
                   *options)

    def rows(self, result):
        self.assertEqual(result.returncode, 0, result.output)
        rows = json.loads((self.root / "out.json").read_text())["rows"]
        return {(row["name"], row["batch"]): row for row in rows}

    def verdict_on_gpu(self, variants=GPU_PEERS, rounds=5, **medians):
        # The stand-in for the peers says bf16 through a Python that adds the option.
        python = write_program(self.root, "python_bf16",
                               f'#!/bin/sh\nexec {sys.executable} "$@" --dtype bf16\n')
        figures = {name: [ms] * rounds for name, ms in medians.items()}
        result = self.compare("--device", "cuda", "--python", python, variants=",".join(variants),
                              ours=f"{self.ours} --dtype bf16", rounds=rounds, figures=figures)
        return self.rows(result)["dcgan step", 64]["verdict"]

    def test_ratios_are_taken_inside_a_round_and_the_best_peer_is_marked(self):
        # The second round is slow for everybody: ratios inside it are as in the others.
        rows = self.rows(self.compare(figures={"step": [10, 40, 10], "C0": [30, 120, 30],
                                               "C2": [20, 80, 20]}))
        self.assertEqual(rows["pytorch C0", 64]["ratio"], 3)
        self.assertEqual(rows["pytorch C2", 64]["ratio"], 2)
        self.assertEqual(rows["dcgan step", 64]["ratio"], 1)
        self.assertEqual(rows["pytorch C2", 64]["rounds_ms"], [20, 80, 20])
        self.assertEqual([key for key in rows if rows[key]["best_peer"]], [("pytorch C2", 64)])
        self.assertEqual(rows["dcgan step", 64]["images_per_s"], 6400)
        self.assertEqual(rows["dcgan step", 64]["verdict"],
                         "won against pytorch C2 (2.00x, worst round 2.00x)")

    def test_a_win_has_to_hold_in_every_round(self):
        rows = self.rows(self.compare(figures={"step": [10, 10, 10], "C0": [30, 30, 30],
                                               "C2": [12, 9, 12]}))
        self.assertEqual(rows["dcgan step", 64]["verdict"],
                         "not clear against pytorch C2 (1.20x, worst round 0.90x)")
        rows = self.rows(self.compare(figures={"step": [10, 10, 10], "C0": [30, 30, 30],
                                               "C2": [9, 9, 12]}))
        self.assertEqual(rows["dcgan step", 64]["verdict"],
                         "lost to pytorch C2 (0.90x, worst round 0.90x)")

    def test_every_batch_is_compared_by_itself(self):
        rows = self.rows(self.compare("--batch", "1,64", rounds=1, variants="C2",
                                      figures={"step": [1, 10], "C2": [3, 20]}))
        self.assertEqual(rows["pytorch C2", 1]["ratio"], 3)
        self.assertEqual(rows["pytorch C2", 64]["ratio"], 2)

    def test_the_file_says_who_was_compared_and_where(self):
        self.rows(self.compare(rounds=1, figures={"step": [1], "C0": [1], "C2": [1]}))
        programs = json.loads((self.root / "out.json").read_text())["programs"]
        self.assertEqual(programs["pytorch"], {"version": "2.0", "processor": "Z80"})
        self.assertEqual(set(programs), {"dcgan", "pytorch"})

    def test_a_program_that_fails_fails_the_comparison(self):
        result = self.compare(ours="false", figures={"C0": [1], "C2": [1]})
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("ours: false left with 1", result.output)

    def test_a_rehearsal_is_no_measurement(self):
        result = self.compare(ours=f"{self.ours} --rehearse", rounds=1,
                              figures={"step": [1], "C0": [1], "C2": [1]})
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("a rehearsal, which has no figures", result.output)

    def test_a_peer_that_fails_is_left_out_when_asked_and_the_others_go_on(self):
        result = self.compare("--keep-going", figures={"step": [10, 10, 10], "C0": [30, "fails"],
                                                       "C2": [20, 20, 20]})
        self.assertEqual(result.returncode, 1, result.output)
        report = json.loads((self.root / "out.json").read_text())
        self.assertEqual(report["rounds"], 3)
        self.assertIn("no kernel image", report["failed"]["C0"])
        self.assertEqual([row["name"] for row in report["rows"]], ["dcgan step", "pytorch C2"])

    def test_a_comparison_that_runs_out_of_time_keeps_its_whole_rounds(self):
        result = self.compare("--time-limit-s", "6", figures={
            "step": [10, 10, 10], "C0": [30, 30, 30], "C2": [20, "hangs"]})
        self.assertEqual(result.returncode, 0, result.output)
        self.assertIn("ends in round 2 of 3: C2 was stopped", result.output)
        report = json.loads((self.root / "out.json").read_text())
        self.assertEqual(report["rounds"], 1)
        self.assertEqual([row["rounds_ms"] for row in report["rows"]], [[10], [20], [30]])

    def test_of_a_first_round_that_is_not_whole_the_file_has_what_was_measured(self):
        result = self.compare("--time-limit-s", "4", figures={
            "step": [10], "C0": [30], "C2": ["hangs"]})
        self.assertEqual(result.returncode, 0, result.output)
        report = json.loads((self.root / "out.json").read_text())
        self.assertEqual(report["rounds"], 0)
        self.assertEqual([row["ratio"] for row in report["rows"]], [1, 3])

    def test_a_measurement_that_would_end_too_late_is_not_begun(self):
        python = write_program(self.root, "slow",
                               f'#!/bin/sh\nsleep 2\nexec {sys.executable} "$@"\n')
        result = self.compare("--python", python, "--time-limit-s", "3.5", variants="C2",
                              figures={"step": [10, 10, 10], "C2": [20, 20, 20]})
        self.assertEqual(result.returncode, 0, result.output)
        self.assertRegex(result.output, "ends in round 2 of 3: C2 takes about 2 s, [01] s are left")

    def test_steps_alone_leave_the_generator_out(self):
        seen = self.root / "seen"
        python = write_program(self.root, "python_seen", '#!/bin/sh\n'
                               f'echo "$@" >>{seen}\nexec {sys.executable} "$@"\n')
        for options, count in [([], 1), (["--steps-only"], 2)]:
            seen.write_text("")
            self.compare("--python", python, *options, rounds=1, variants="C2,C3",
                         figures={"step": [10], "C2": [20], "C3": [20]})
            self.assertEqual(seen.read_text().count("--no-inference"), count)

    def test_on_a_gpu_a_win_is_against_the_best_of_all_tuned_peers(self):
        slow = {name: 30 for name in GPU_PEERS}
        self.assertEqual(self.verdict_on_gpu(step=10, **(slow | {"P4": 15})),
                         "won against pytorch P4 (1.50x, worst round 1.50x)")
        # Both 16-bit types are one kind: a faster float16 peer is the one to beat.
        self.assertEqual(self.verdict_on_gpu(step=10, **(slow | {"P1h": 8})),
                         "lost to pytorch P1h (0.80x, worst round 0.80x)")

    def test_on_a_gpu_nothing_is_claimed_unless_all_were_measured_often_enough(self):
        some = ("P0", "P1", "P2", "P4")
        self.assertEqual(self.verdict_on_gpu(some, step=10, **{name: 30 for name in some}),
                         "no claim: pytorch P3, pytorch P5 not measured")
        every = {name: 30 for name in GPU_PEERS}
        self.assertEqual(self.verdict_on_gpu(rounds=2, step=10, **every),
                         "no claim: 2 rounds, 5 are needed")

    def test_the_cpp_peer_is_a_variant(self):
        tool = write_program(self.root, "libtorch", "#!/bin/sh\n"
                             f'exec {sys.executable} {self.program} "$@" --program libtorch '
                             "--variants tuned\n")
        rows = self.rows(self.compare("--libtorch", tool, variants="C2,libtorch", rounds=1,
                                      figures={"step": [10], "C2": [20], "tuned": [15]}))
        self.assertEqual(rows["libtorch tuned", 64]["ratio"], 1.5)
        self.assertTrue(rows["libtorch tuned", 64]["best_peer"])

    def test_the_cpp_peer_is_not_offered_on_a_gpu(self):
        result = self.compare("--device", "cuda", variants="libtorch", figures={})
        self.assertEqual(result.returncode, 2, result.output)
        self.assertIn("libtorch runs on the CPU", result.output)


if __name__ == "__main__":
    unittest.main()

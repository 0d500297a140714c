"""dcgan bench: what its JSON holds. No time is looked at."""

import json
import unittest

from support import CPU, NETWORK, ProgramTest

BENCH = ["bench", *NETWORK, *CPU, "--batch-size", "4", "--repeats", "2", "--warm-up", "1",
         "--peak-gbs", "10", "--peak-tflops", "1"]


class Bench(ProgramTest):
    def results(self, *arguments):
        document = json.loads(self.run_ok(*BENCH, "--json", *arguments).stdout)
        return document, {(r["task"], r["name"]): r for r in document["results"]}

    def test_a_step_says_where_its_time_goes_and_what_it_holds(self):
        document, results = self.results("--no-generate")
        self.assertEqual(list(results), [("train", "step")])
        step = results["train", "step"]
        shares = step["shares"]
        self.assertEqual(sorted(shares), ["batch_norm", "convolutions", "optimizer", "rest"])
        self.assertAlmostEqual(sum(shares.values()), 1, places=6)
        for name, share in shares.items():
            self.assertTrue(0 <= share < 1, f"{name}: {share}")
        # A process that holds oneDNN and a network cannot be smaller, nor this one that large.
        self.assertTrue(1 << 22 < step["peak_host_bytes"] < 1 << 34)
        self.assertRegex(document["machine"]["revision"], "^(unknown|[0-9a-f]{12,40}(-changed)?)$")
        self.assertIn("CPU clock", document["machine"])

    def test_a_step_is_judged_by_the_best_plan_and_the_file_is_the_report(self):
        out = self.folder / "bench.json"
        done = self.run_ok(*BENCH, "--no-generate", "--batches", "2,4", "--out", out)
        results = json.loads(out.read_text(encoding="utf-8"))["results"]
        self.assertEqual([result["batch"] for result in results], [2, 4])
        for result in results:
            # More images: more work, but the weights and Adam only once.
            self.assertGreater(result["fused_ms"], 0)
            self.assertAlmostEqual(result["fused_share"],
                                   result["fused_ms"] / result["median_ms"], places=9)
        self.assertTrue(1 < results[1]["fused_ms"] / results[0]["fused_ms"] < 2)
        self.assertIn(" fused\n", done.stdout)

    def test_the_way_of_the_images_is_timed_stretch_by_stretch(self):
        _, results = self.results("--no-generate", "--pipeline", "--strokes-count", "40", "--flip")
        self.assertEqual([name for task, name in results if task == "data"],
                         ["decode", "upload", "gather", "step fed", "step alone"])
        self.assertEqual(results["data", "decode"]["batch"], 40)
        self.assertIn("CPU", results["data", "upload"]["note"])
        for name in ["decode", "gather"]:
            self.assertGreater(results["data", name]["gb_per_s"], 0)
            self.assertGreater(results["data", name]["images_per_s"], 0)

    def test_the_generator_is_timed_on_the_device_and_to_the_host_apart(self):
        document, _ = self.results()
        rows = {(r["task"], r["batch"]): r for r in document["results"] if r["task"] != "train"}
        self.assertEqual(sorted(rows), [("generate", 1), ("generate", 4), ("latency", 1),
                                        ("sample", 1), ("sample", 4)])
        for (task, batch), row in rows.items():
            self.assertEqual(row["name"], "to the host" if task == "sample" else "on the device")
            self.assertGreater(row["median_ms"], 0)
            self.assertAlmostEqual(row["images_per_s"], 1e3 * batch / row["median_ms"], places=3)

    def test_a_data_set_that_is_not_there_is_said(self):
        self.assert_fails(78, [*BENCH, "--pipeline", "--strokes-count", "3"], "3", "4")

    def test_the_table_has_the_shares_and_the_machine(self):
        text = self.run_ok(*BENCH, "--no-generate", "--pipeline", "--strokes-count", "8").stdout
        for word in ["revision: ", "CPU clock: ", "batch norm", "none: the CPU", "host peak"]:
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()

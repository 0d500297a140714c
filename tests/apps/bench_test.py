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

    def test_a_step_of_two_ranks_counts_the_images_of_both(self):
        document, results = self.results("--no-generate", "--ranks", "2")
        self.assertEqual((document["ranks"], document["transport"]), (2, "TCP"))
        step = results["train", "step"]
        self.assertEqual(step["batch"], 4)
        self.assertAlmostEqual(step["images_per_s"], 8e3 / step["median_ms"], places=6)

    def test_all_reduce_sums_over_the_ranks_by_size(self):
        out = self.folder / "sums.json"
        for ranks, dtype in [(1, "f32"), (2, "bf16")]:
            done = self.run_ok("bench", "--all-reduce", *CPU, "--ranks", str(ranks), "--sizes",
                               "4096,4", "--grad-dtype", dtype,
                               "--repeats", "2", "--warm-up", "1", "--out", out)
            report = json.loads(out.read_text(encoding="utf-8"))
            self.assertEqual((report["ranks"], report["dtype"]), (ranks, dtype))
            small, large = report["all_reduce"]
            self.assertEqual((small["bytes"], large["bytes"]), (4, 4096))
            self.assertEqual(report["latency_us"], small["median_us"])
            for row in (small, large):
                self.assertAlmostEqual(row["algorithm_gb_per_s"],
                                       row["bytes"] / row["median_us"] / 1e3, places=6)
                # 2 (N-1)/N: nothing travels from one rank, and each byte once from each of two.
                self.assertAlmostEqual(row["bus_gb_per_s"],
                                       (ranks - 1) * row["algorithm_gb_per_s"], places=6)
            self.assertEqual("nothing travels" in done.stdout, ranks == 1)

    def test_scaling_is_predicted_from_given_times_and_says_what_it_used(self):
        scaling = ["bench", "--scaling", "--preset", "pytorch", "--device", "auto"]
        report = json.loads(self.run_ok(*scaling, "--step-ms", "1024:6,64:0.8", "--node-gpus",
                                        "8,1", "--json").stdout)
        inputs = report["inputs"]
        self.assertEqual((inputs["step_times"], inputs["preset"]), ("given", "pytorch"))
        self.assertEqual(inputs["step_ms"], [{"batch": 64, "ms": 0.8}, {"batch": 1024, "ms": 6}])
        self.assertEqual([shape["node_gpus"] for shape in report["shapes"]], [8, 1])
        for shape in report["shapes"]:
            self.assertEqual([points[0]["batch"] for points in shape["weak"]], [64, 1024])
            for points in [*shape["weak"], shape["strong"]]:
                self.assertEqual([point["gpus"] for point in points], [2 ** n for n in range(11)])
                for point in points:
                    waits = sum(point["exposed_ms"].values())
                    self.assertAlmostEqual(point["step_ms"], point["compute_ms"] + waits)
                self.assertEqual(points[0]["efficiency"], 1)
                for less, more in zip(points, points[1:]):
                    self.assertGreater(less["efficiency"], more["efficiency"])
        text = self.run_ok(*scaling, "--step-ms", "64:0.8").stdout
        for words in ["a model", "weak scaling, 64 images a GPU", "strong scaling: none"]:
            self.assertIn(words, text)

    def test_scaling_measures_the_step_where_no_time_is_given(self):
        text = self.run_ok("bench", "--scaling", *NETWORK, *CPU, "--batches", "2,4", "--repeats",
                           "1", "--warm-up", "1", "--node-gpus", "4").stdout
        for words in ["measured on cpu", "gradients travel behind", "strong scaling, 4 images"]:
            self.assertIn(words, text)

    def test_modes_and_figures_that_contradict_each_other_are_refused(self):
        for code, arguments, word in [
                (2, ["--scaling", "--all-reduce"], "excludes"),
                (2, ["--sizes", "4"], "--all-reduce"),
                (2, ["--step-ms", "64:1"], "--scaling"),
                (2, ["--scaling", "--step-ms", "64:1", "--batches", "4"], "excludes"),
                (2, ["--scaling", "--step-ms", "64"], "BATCH:MILLISECONDS"),
                (2, ["--scaling", "--step-ms", "64:1x"], "64:1x"),
                (78, ["--scaling", "--step-ms", "64:1,64:2"], "two times of batch 64"),
                (78, ["--scaling", "--step-ms", "64:1", "--world-batch", "128"], "128"),
                (78, ["--scaling", "--ranks", "2"], "--scaling"),
                (78, ["--pipeline", "--ranks", "2"], "--pipeline"),
                (78, ["--all-reduce", "--sizes", "6", *CPU], "6 bytes")]:
            with self.subTest(arguments=arguments):
                self.assert_fails(code, ["bench", *arguments], word)

    def test_the_table_has_the_shares_and_the_machine(self):
        text = self.run_ok(*BENCH, "--no-generate", "--pipeline", "--strokes-count", "8").stdout
        for word in ["revision: ", "CPU clock: ", "batch norm", "none: the CPU", "host peak"]:
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()

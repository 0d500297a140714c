"""dcgan_bench_ops: every operation has a benchmark, right numbers, and the JSON that tables need."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["DCGAN_BENCH_OPS"]
DEVICE = os.environ["DCGAN_BENCH_DEVICE"]
KERNELS = pathlib.Path(__file__).resolve().parents[2] / "kernels"

# An operation's contract is kernels/ROOM/X.h; X_variants.h, X_terms.h (a formula) and the folders
# cpu/ and cuda/ are what is behind one. A contract that no benchmark names fails the test: give it
# a file in benchmarks/operations.
BEHIND = ("_variants", "_terms")
NO_OPERATIONS = {"common", "vendor"}  # rooms
NO_OPERATION = {"kernels/conv/underlying.h": "what a convolution's shape is"}
CONVOLUTIONS = {"conv", "dense", "image_conv"}
COUNTED = CONVOLUTIONS | {"add", "batch_norm", "block"}  # operations whose FLOPs are stated

ALWAYS = {"operation", "name", "precision", "batch", "shape", "repeats", "median_ms", "p10_ms",
          "p90_ms", "bytes", "gb_per_s", "roofline_ms", "roofline_share", "per_step"}


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=240)


def smoke(*arguments):
    return run("--smoke", "--device", DEVICE, "--threads", "1", *arguments)


class Measured(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.done = smoke("--json")
        cls.json = json.loads(cls.done.stdout)

    def test_every_number_is_right(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        self.assertTrue(all(check["passed"] for check in self.json["checks"]))
        for check in self.json["checks"]:
            self.assertLessEqual(check["error"], check["bound"], check["name"])

    def test_every_operation_is_compared_and_timed(self):
        names = {operation["name"] for operation in self.json["operations"]}
        self.assertEqual({check["operation"] for check in self.json["checks"]}, names)
        self.assertEqual({result["operation"] for result in self.json["results"]}, names)

    def test_every_contract_in_kernels_has_a_benchmark(self):
        timed = {contract for operation in self.json["operations"]
                 for contract in operation["contracts"]}
        headers = {f"kernels/{path.parent.name}/{path.name}" for path in KERNELS.glob("*/*.h")
                   if path.parent.name not in NO_OPERATIONS and not path.stem.endswith(BEHIND)}
        self.assertEqual(headers - NO_OPERATION.keys() - timed, set(), "without a benchmark")
        self.assertEqual((timed | NO_OPERATION.keys()) - headers, set(), "gone")

    def test_a_result_has_what_tables_need(self):
        for result in self.json["results"]:
            self.assertLessEqual(ALWAYS, result.keys())
            self.assertLessEqual(result["p10_ms"], result["median_ms"])
            self.assertLessEqual(result["median_ms"], result["p90_ms"])
            self.assertGreater(result["bytes"], 0)
            self.assertEqual("tflops" in result, result["operation"] in COUNTED, result["name"])
        for word in ["machine", "device", "preset", "ceilings", "step_ms"]:
            self.assertTrue(self.json[word], word)
        self.assertIn("oneDNN", self.json["machine"])

    def test_each_layer_is_timed_forward_and_for_both_gradients(self):
        # 32 pixels: four layers each; D meets real + generated images, and generated ones alone.
        timed = [result for result in self.json["results"]
                 if result["operation"] in CONVOLUTIONS and result["precision"] == "fp32"]
        calls = [(result["name"], result.get("tuning")) for result in timed]
        self.assertEqual(len(calls), len(set(calls)))
        for product in ["forward", "data", "weights"]:
            self.assertEqual(len({name for name, _ in calls if name.endswith(product)}), 12)
        # G 4 + 3 + 4, D over both 4 + 3 + 4, D over fakes 4 + 4.
        self.assertEqual(sum(result["per_step"] for result in timed), 30)

    def test_a_gpu_shows_the_librarys_first_plan_and_the_best(self):
        tunings = {result["tuning"] for result in self.json["results"]
                   if result["operation"] == "conv" and "tuning" in result}
        self.assertEqual(tunings, {"off", "heuristic"} if DEVICE == "cuda" else set())


class Options(unittest.TestCase):
    def test_only_takes_commas_and_repeats_and_a_cold_run_works(self):
        done = smoke("--json", "--only", "loss,add", "--only", "latent", "--precision", "fp32",
                     "--cold")
        self.assertEqual(done.returncode, 0, done.stderr)
        results = json.loads(done.stdout)["results"]
        self.assertEqual({result["operation"] for result in results}, {"loss", "add", "latent"})

    def test_the_table_has_a_line_for_each_call(self):
        done = smoke("--only", "optimizer", "--precision", "fp32")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sum(line.startswith("optimizer  ") and "adam" in line
                             for line in done.stdout.splitlines()), 4)
        self.assertIn("0 failed", done.stdout)

    def test_memory_bound_operations_build_no_convolution_and_the_file_is_the_report(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "ops.json"
            done = smoke("--only", "memory-bound", "--precision", "fp32", "--out", str(out))
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(out.read_text(encoding="utf-8"))
        names = {result["operation"] for result in report["results"]}
        every = {operation["name"] for operation in report["operations"]}
        self.assertEqual(every - names, CONVOLUTIONS | {"block"})
        self.assertFalse([result for result in report["results"] if "algorithm" in result])
        for result in report["results"]:  # the table names what the file has
            self.assertIn(result["name"], done.stdout)

    def test_a_stopped_run_leaves_what_it_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "ops.json"
            program = subprocess.Popen(
                [PROGRAM, "--smoke", "--device", DEVICE, "--threads", "1", "--precision", "fp32",
                 "--only", "add,conv", "--out", str(out)], stdout=subprocess.PIPE, text=True)
            with program:
                for line in program.stdout:  # printed as it goes, also into a pipe
                    if line.startswith("add"):
                        break
                while not out.exists() and program.poll() is None:
                    time.sleep(0.01)
                program.kill()
            report = json.loads(out.read_text(encoding="utf-8"))
        self.assertIn("add", {result["operation"] for result in report["results"]})

    def test_the_list_names_operations_and_contracts(self):
        text = run("--list").stdout
        for word in ["batch_norm", "kernels/norm/batch_norm.h", "image_conv"]:
            self.assertIn(word, text)

    def test_what_there_is_not_is_refused(self):
        for arguments, word in [(["--only", "frob"], "frob"), (["--precision", "fp8"], "fp8"),
                                (["--tune", "best"], "best"), (["--device", "tpu"], "tpu")]:
            done = smoke(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(smoke("--preset", "frob").returncode, 78)


if __name__ == "__main__":
    unittest.main()

"""benchmarks/peers: every set-up of PyTorch does the same training, and says what it measured.

Needs PyTorch: in this Python, in the one that DCGAN_TORCH_PYTHON names, or in the environment that
benchmarks/peers/setup_torch.sh makes. Skipped (77) without, saying so. Compiled set-ups are left
out: compiling takes minutes (pytorch_gpu.py --rehearse --variants P3,P5 runs them).
"""

import json
import sys
import unittest

from support import ROOT, run, torch_python

PEERS = ROOT / "benchmarks/peers"
TINY = ("--image-size", 16, "--nz", 4, "--ngf", 4, "--ndf", 4, "--batch", 4, "--threads", 1)
# Three steps of each set-up from the same weights, images and noise: prints {name: [D, G]}.
LEARN = """
import json, sys
sys.argv = ["learn", *sys.argv[2:]]
sys.path.insert(0, {peers!r})
import argparse, common, torch
import pytorch_cpu, pytorch_gpu
parser = argparse.ArgumentParser()
common.add_options(parser, (), repeats=1, warm_up=1)
options = common.parse(parser, ())
torch.manual_seed(1)
images = torch.rand(12, options.channels, options.image_size, options.image_size) * 2 - 1
losses = {{}}
for name in {names!r}:
    setup = (pytorch_cpu.SETUPS | pytorch_gpu.SETUPS)[name]
    step = common.Step(setup, options, common.Batches(images, options.batch, lambda x: x))
    torch.manual_seed(2)
    for _ in range(3):
        step.run()
    losses[name] = [float(loss) for loss in step.losses]
print(json.dumps(losses))
"""


class Peers(unittest.TestCase):
    def losses(self, *names):
        result = run(PYTHON, "-B", "-c", LEARN.format(peers=str(PEERS), names=names), "--", *TINY)
        self.assertEqual(result.returncode, 0, result.output)
        return json.loads(result.output.splitlines()[-1])

    def assert_same(self, losses, tolerance):
        first, *others = losses.values()
        for other in others:
            for expected, actual in zip(first, other):
                self.assertAlmostEqual(actual, expected, delta=tolerance, msg=str(losses))

    def test_float32_set_ups_learn_the_same(self):
        # Sums of another order, three steps: 1e-6 of a loss near 1, with room for a factor of 100.
        self.assert_same(self.losses("C0", "C1", "C2"), 1e-4)

    def test_autocast_reads_the_weights_as_they_are_now(self):
        # P1 may keep casts of D's weights, P2 (frozen) may not: an update missed by the first
        # shows as another loss of G. Both compute the same in the same order.
        self.assert_same(self.losses("P1", "P2", "P4"), 1e-6)

    def test_a_rehearsal_runs_and_claims_nothing(self):
        result = run(PYTHON, "-B", PEERS / "pytorch_gpu.py", "--rehearse", "--json", *TINY,
                     "--no-inference", "--variants", "P4")
        self.assertEqual(result.returncode, 0, result.output)
        self.assertIn("P4: a rehearsal has no CUDA graph", result.output)
        report = json.loads(result.output.splitlines()[-1])
        self.assertIs(report["rehearsal"], True)
        self.assertEqual(report["results"],
                         [{"task": "train", "name": "P4", "dtype": "bf16", "batch": 4}])

    def test_float16_and_the_generator_rehearse(self):
        result = run(PYTHON, "-B", PEERS / "pytorch_gpu.py", "--rehearse", "--json", *TINY,
                     "--variants", "P1h", "--ways", "eager,graph")
        self.assertEqual(result.returncode, 0, result.output)
        rows = json.loads(result.output.splitlines()[-1])["results"]
        self.assertEqual([row["dtype"] for row in rows],
                         ["f16"] + ["f32"] * 2 + ["tf32"] * 2 + ["bf16"] * 2 + ["f32"] * 2 +
                         ["tf32"] * 2 + ["bf16"] * 2)
        self.assertFalse([row for row in rows if "median_ms" in row])

    def test_set_ups_that_stand_ready_run_when_asked(self):
        result = run(PYTHON, "-B", PEERS / "pytorch_gpu.py", "--rehearse", "--serve", *TINY,
                     "--variants", "P2,P4", "--ways", "graph", "--dtypes", "bf16",
                     "--inference-batches", "1,4", input="P4\nall\nP9\n")
        self.assertEqual(result.returncode, 0, result.output)
        ready, one, every, unknown = [json.loads(line) for line in result.output.splitlines()
                                      if line.startswith("{")]
        self.assertEqual(ready["ready"], ["P2", "P4", "graph bf16 1", "graph bf16 4"])
        self.assertIs(ready["rehearsal"], True)
        self.assertEqual([row["name"] for row in one["results"]], ["P4"])
        self.assertEqual([(row["task"], row["batch"]) for row in every["results"]],
                         [("train", 4), ("train", 4), ("generate", 1), ("generate", 4)])
        self.assertIn("no P9 here", unknown["error"])

    def test_the_cpu_peer_measures_what_is_asked(self):
        result = run(PYTHON, "-B", PEERS / "pytorch_cpu.py", "--json", *TINY, "--variants", "C2,B1",
                     "--repeats", 2, "--warm-up", 1, "--no-inference")
        self.assertEqual(result.returncode, 0, result.output)
        rows = json.loads(result.output.splitlines()[-1])["results"]
        self.assertEqual([(row["name"], row["dtype"], row["samples"]) for row in rows],
                         [("C2", "f32", 2), ("B1", "bf16", 2)])
        self.assertTrue(all(0 < row["p10_ms"] <= row["p90_ms"] for row in rows))

    def test_an_unknown_variant_is_refused(self):
        result = run(PYTHON, "-B", PEERS / "pytorch_gpu.py", "--rehearse", "--variants", "P9")
        self.assertEqual(result.returncode, 2, result.output)
        self.assertIn("no variant P9", result.output)


if __name__ == "__main__":
    PYTHON = torch_python("torch")
    if PYTHON is None:
        print("skipped: no Python with torch (DCGAN_TORCH_PYTHON)")
        sys.exit(77)
    unittest.main()

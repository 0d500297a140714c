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
if {identity}:
    torch.compile = lambda module, **options: module
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
# Captures an action as on a GPU, with stand-ins for its streams and graphs; prints whether what
# the action reads lives on when only the replay is kept.
CAPTURE = """
import contextlib, gc, sys, types, unittest.mock as mock, weakref
sys.argv = ["capture"]
sys.path.insert(0, {peers!r})
import common, timing
torch = common.torch
whole = dict.fromkeys(("Stream", "current_stream", "CUDAGraph"), mock.MagicMock())
scopes = dict.fromkeys(("stream", "graph"), lambda *_, **named: contextlib.nullcontext())
def make():
    read = torch.ones(1)
    def action():
        read.add_(1)
    with mock.patch.multiple(torch.cuda, **whole, **scopes):
        options = types.SimpleNamespace(rehearse=False, warm_up=2)
        return timing.capture(action, options, "x"), weakref.ref(read)
replay, read = make()
gc.collect()
replay()
print(int(read()) if read() is not None else "gone")
"""
# Set-ups with a compiler that does nothing, or that fails when it is to search.
COMPILE = """
import json, sys, unittest.mock as mock
sys.path.insert(0, {peers!r})
sys.argv = ["pytorch_gpu.py", *sys.argv[2:]]
import pytorch_gpu
from common import torch
def compiler(module, dynamic, options=None, mode=None):
    if options and {fails}:
        raise AssertionError("strides")
    return module
pytorch_gpu.compile_beside = lambda options: None
with mock.patch.object(torch, "compile", compiler):
    sys.exit(pytorch_gpu.main())
"""


class Peers(unittest.TestCase):
    def losses(self, *names, pixels=16, identity=False):
        script = LEARN.format(peers=str(PEERS), names=names, identity=identity)
        result = run(PYTHON, "-B", "-c", script, "--", *TINY, "--image-size", pixels)
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

    def test_a_replay_keeps_what_its_action_reads(self):
        result = run(PYTHON, "-B", "-c", CAPTURE.format(peers=str(PEERS)))
        self.assertEqual(result.output.split()[-1], "4", result.output)

    def serve_compiled(self, fails):
        result = run(PYTHON, "-B", "-c", COMPILE.format(peers=str(PEERS), fails=fails), "--",
                     "--rehearse", "--serve", *TINY, "--variants", "P3,P5", "--ways",
                     "compiled,compiled graph", "--dtypes", "bf16", "--inference-batches", "4",
                     input="all\n")
        self.assertEqual(result.returncode, 0, result.output)
        ready, rows = [json.loads(line) for line in result.output.splitlines()
                       if line.startswith("{")]
        self.assertEqual((len(ready["ready"]), len(rows["results"])), (4, 4))
        return ready

    def test_a_search_that_fails_is_named_and_the_defaults_take_its_place(self):
        ready = self.serve_compiled(fails=True)
        self.assertEqual(set(ready["fallen_back"].values()),
                         {"max-autotune: AssertionError: strides"})
        self.assertEqual(set(ready["fallen_back"]), set(ready["ready"]))
        self.assertEqual(ready["compiled"]["P5"], "defaults of torch.compile; all but G's first "
                         "and D's last convolution; max-autotune failed for P5")
        self.assertEqual(ready["compiled"]["generator compiled graph"], "defaults of torch.compile; "
                         "whole; max-autotune failed for compiled graph bf16 4")

    def test_a_search_that_succeeds_is_what_the_report_says(self):
        ready = self.serve_compiled(fails=False)
        self.assertEqual(ready["fallen_back"], {})
        self.assertEqual(ready["compiled"]["P5"], "max_autotune=True, max_autotune_conv_backends="
                         "ATEN; all but G's first and D's last convolution")

    def test_networks_that_are_compiled_in_part_learn_the_same(self):
        # The compiler does nothing here: what is compared is how the networks are taken apart.
        for pixels in (16, 28):
            self.assert_same(self.losses("P2", "P5", pixels=pixels, identity=True), 1e-6)

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

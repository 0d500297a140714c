"""scripts/record_trace.py records what the names promise, and its replay can tell right from wrong.

Needs PyTorch and safetensors: in this Python, in the one that DCGAN_TORCH_PYTHON names, or in the
environment that benchmarks/peers/setup_torch.sh makes. Skipped (77) without, saying so.
"""

import json
import pathlib
import struct
import sys
import tempfile
import unittest

from support import ROOT, run, torch_python

SCRIPT = ROOT / "scripts/record_trace.py"
TINY = ("--trajectory", "--nz", 4, "--ngf", 2, "--ndf", 2, "--batch-size", 3, "--steps", 2)


def header_of(path):
    data = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), 8 + length


class RecordTrace(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace = pathlib.Path(folder.name) / "trace.safetensors"

    def script(self, *options):
        return run(PYTHON, "-B", SCRIPT, *options)

    def record(self, *options):
        result = self.script("--out", self.trace, *TINY, *options)
        self.assertEqual(result.returncode, 0, result.output)
        return header_of(self.trace)[0]

    def test_every_network_and_loss_is_recorded_and_replays(self):
        runs = (("--preset", "mnist32"), ("--preset", "libtorch", "--soft-real-labels", 0.8),
                ("--image-size", 128, "--channels", 1, "--loss", "minimax"),
                ("--preset", "cifar32", "--loss", "lsgan", "--real-label", 0.9, "--double"),
                ("--preset", "mnist32", "--loss", "hinge", "--d-steps", 2),
                ("--preset", "mnist32", "--loss", "wgan", "--optimizer", "rmsprop", "--lr", 5e-5,
                 "--weight-clip", 0.01, "--d-steps", 3))
        for options in runs:
            with self.subTest(options):
                self.record(*options)
                result = self.script("--replay", self.trace)
                self.assertEqual(result.returncode, 0, result.output)
                self.assertIn(" 0 differ", result.output)

    def test_names_shapes_and_types_are_as_stated(self):
        header = self.record("--preset", "mnist32", "--d-steps", 2, "--double")
        self.assertEqual(header["real"]["shape"], [4, 3, 1, 32, 32])
        self.assertEqual(header["noise"]["shape"], [4, 3, 4, 1, 1])
        self.assertEqual(header["init.G.main.0.weight"]["shape"], [4, 8, 4, 4])
        self.assertEqual(header["init.G.main.9.weight"]["shape"], [2, 1, 4, 4])
        self.assertEqual(header["init.D.main.8.weight"]["shape"], [1, 8, 4, 4])
        self.assertEqual(header["init.D.main.0.weight"]["dtype"], "F32")
        self.assertEqual(header["step2.D.main.6.running_var"]["dtype"], "F64")
        self.assertEqual(header["step1.D.main.3.num_batches_tracked"]["dtype"], "I64")
        for name in ("errD_real", "errD_fake", "errG", "D_x", "D_G_z1", "D_G_z2"):
            self.assertEqual(header[f"scalars.{name}"]["shape"], [2])
        self.assertIn("grad1.D.main.0.weight", header)
        self.assertIn("adam2.G.main.1.bias.exp_avg_sq", header)

    def test_a_replay_of_a_changed_trace_fails_and_names_the_tensor(self):
        self.record("--preset", "mnist32")
        header, start = header_of(self.trace)
        name = "step2.G.main.3.weight"
        data = bytearray(self.trace.read_bytes())
        at = start + header[name]["data_offsets"][0]
        value, = struct.unpack_from("<f", data, at)
        struct.pack_into("<f", data, at, value + 1e-4)
        self.trace.write_bytes(data)
        result = self.script("--replay", self.trace)
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn(f"differs: {name}", result.output)

    def test_a_replay_with_another_learning_rate_fails(self):
        self.record("--preset", "mnist32")
        self.assertEqual(self.script("--replay", self.trace, "--lr", 3e-4).returncode, 1)

    def test_updates_are_recorded_with_their_twins(self):
        self.record("--preset", "mnist32", "--d-steps", 2)
        result = self.script("--out", self.trace, *TINY[1:], "--preset", "mnist32", "--d-steps", 2)
        self.assertEqual(result.returncode, 0, result.output)
        header = header_of(self.trace)[0]
        self.assertEqual(header["__metadata__"]["form"], "updates")
        for update in (1, 2, 3, 4, 5):
            self.assertIn(f"state{update}.D.main.3.running_var", header)
            self.assertIn(f"moments{update}.G.main.0.weight.exp_avg_sq", header)
        for update, letters in ((1, "D"), (2, "DG"), (3, "D"), (4, "DG")):
            for letter in "DG":
                for head in ("grad", "twin", "kinks"):
                    self.assertEqual(f"{head}{update}.{letter}.main.0.weight" in header,
                                     letter in letters)
        self.assertEqual(header["kinks1.D.main.2.weight"]["shape"], [1])
        self.assertEqual(header["twin.scalars.errG"]["shape"], [2])
        self.assertNotIn("grad5.D.main.0.weight", header)

    def test_double_is_for_trajectories(self):
        result = self.script("--out", self.trace, "--double")
        self.assertEqual(result.returncode, 2, result.output)
        self.assertIn("--trajectory", result.output)

    def test_sizes_that_no_network_has_are_refused(self):
        result = self.script("--out", self.trace, "--image-size", 48)
        self.assertEqual(result.returncode, 2, result.output)
        self.assertIn("48", result.output)


if __name__ == "__main__":
    PYTHON = torch_python("torch", "safetensors", "numpy")
    if PYTHON is None:
        print("skipped: no Python with torch, safetensors and numpy (DCGAN_TORCH_PYTHON)")
        sys.exit(77)
    unittest.main()

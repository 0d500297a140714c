"""The proof against PyTorch: traces of full-size networks pass, and each wrong program fails.

DCGAN_PROGRAM: the built program. Needs PyTorch and safetensors as record_trace_test.py does; skipped
(77) without. A wrong program is made on PyTorch's side where this one has no option for it.
"""

import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ROOT, run, torch_python, write

PROGRAM = os.path.abspath(os.environ["DCGAN_PROGRAM"])
SCRIPT = ROOT / "scripts/record_trace.py"
WGAN = ("--loss", "wgan", "--optimizer", "rmsprop", "--lr", "5e-5", "--weight-clip", "0.01",
        "--d-steps", "2")
SMALL = ("--preset", "mnist32", "--nz", "16", "--ngf", "8", "--ndf", "8")
WRONG = (("--lr", "2.1e-4"), ("--beta1", "0.52"), ("--beta2", "0.998"), ("--epsilon", "2e-8"),
         ("--loss", "lsgan"), ("--real-label", "0.95"), ("--fake-label", "0.05"))
RUN_AS = """
import runpy, sys
sys.path.insert(0, {folder!r})
import torch, torch_updates
{change}
sys.argv = [{script!r}] + sys.argv[1:]
runpy.run_path({script!r}, run_name="__main__")
"""
MOMENTUM = """
plain = torch.nn.BatchNorm2d.__init__
torch.nn.BatchNorm2d.__init__ = lambda self, n, **named: plain(self, n, momentum=0.102, **named)
"""
ORDER = """
# Behind the gradients the running statistics are made again, of the fakes first.
plain = torch_updates.Pass.discriminator_gradients
def gradients(self, real, noise, label):
    before = {name: value.clone() for name, value in self.discriminator.named_buffers()}
    plain(self, real, noise, label)
    with torch.no_grad():
        for name, value in self.discriminator.named_buffers():
            value.copy_(before[name])
        self.says(self.fake.detach())
        self.says(real.to(self.dtype))
torch_updates.Pass.discriminator_gradients = gradients
"""
TRANSPOSED = """
def record(*arguments, plain=torch_updates.record_updates):
    tensors = plain(*arguments)
    kernel = tensors["state1.D.main.2.weight"][3, 1]  # not what was computed with
    kernel.copy_(kernel.T.clone())
    return tensors
torch_updates.record_updates = record
"""


class Proof(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.trace = self.folder / "trace.safetensors"

    def record(self, *options, change=None):
        script = SCRIPT
        if change is not None:
            script = write(self.folder, "changed.py", RUN_AS.format(
                folder=str(SCRIPT.parent), script=str(SCRIPT), change=change))
        result = run(PYTHON, "-B", script, "--out", self.trace, "--steps", 2, *options)
        self.assertEqual(result.returncode, 0, result.output)

    def verify(self, *options):
        return run(PROGRAM, "verify", "--device", "cpu", "--trace", self.trace, *options)

    def assert_passes(self, *options):
        result = self.verify(*options)
        self.assertEqual(result.returncode, 0, "\n".join(
            line for line in result.output.splitlines() if not line.endswith("  ok")))

    def test_full_networks_pass(self):
        for number, options in enumerate((
                ("--preset", "pytorch"), ("--preset", "mnist32"), ("--preset", "libtorch"),
                ("--preset", "cifar32", "--loss", "lsgan"),
                ("--preset", "mnist32", "--loss", "hinge"),
                ("--preset", "libtorch", "--loss", "minimax", "--beta2", "0.5"),
                ("--preset", "mnist32", *WGAN))):
            with self.subTest(options):
                self.record(*options, "--seed", 100 + number)
                self.assert_passes(*options)

    def test_wrong_settings_fail(self):
        self.record(*SMALL)
        self.assert_passes(*SMALL)
        for wrong in WRONG:
            with self.subTest(wrong):
                result = self.verify(*SMALL, *wrong)
                self.assertEqual(result.returncode, 1, result.output)

    def test_wrong_programs_fail(self):
        for name, change, where in (("momentum", MOMENTUM, ".running_"),
                                    ("order", ORDER, ".running_"),
                                    ("transposed kernel", TRANSPOSED, "grad1.D")):
            with self.subTest(name):
                self.record(*SMALL, change=change)
                result = self.verify(*SMALL)
                self.assertEqual(result.returncode, 1, result.output)
                failed = [line for line in result.output.splitlines() if "FAILED" in line]
                self.assertTrue(any(where in line for line in failed), failed)


if __name__ == "__main__":
    PYTHON = torch_python("torch", "safetensors", "numpy")
    if PYTHON is None:
        print("skipped: no Python with torch, safetensors and numpy (DCGAN_TORCH_PYTHON)")
        sys.exit(77)
    unittest.main()

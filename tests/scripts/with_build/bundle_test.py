"""scripts/bundle.sh packs this build so that it runs elsewhere. DCGAN_PROGRAM: the built program;
DCGAN_HAS_CUDA=1: it has the engine for a real GPU."""

import os
import pathlib
import re
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ROOT, run

BUILD = pathlib.Path(os.environ["DCGAN_PROGRAM"]).parent
MOST_BYTES = 60_000_000


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.packed = cls.root / "bundle.tar.gz"
        kind = [] if os.environ["DCGAN_HAS_CUDA"] == "1" else ["--without-cuda"]
        done = run(ROOT / "scripts/bundle.sh", "--build", BUILD, "--out", cls.packed, *kind)
        assert done.returncode == 0, done.output
        with tarfile.open(cls.packed) as archive:
            archive.extractall(cls.root / "elsewhere")
        cls.bundle = cls.root / "elsewhere/dcgan-bundle"

    def start(self, *arguments, **environment):
        """Runs the bundle's program with nothing of this shell's surroundings."""
        return run(self.bundle / "dcgan", *arguments, cwd=self.root,
                   env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), **environment})

    def test_it_is_small_enough_to_carry(self):
        self.assertLess(self.packed.stat().st_size, MOST_BYTES)

    def test_it_holds_the_program_the_tests_the_script_and_the_revision(self):
        for path in ["dcgan", "build/dcgan", "build/dcgan_bench_ops", "build/tests/test_kernels",
                     "build/tests/test_training", "build/tests/test_models",
                     "scripts/gpu_check.sh"]:
            self.assertTrue(os.access(self.bundle / path, os.X_OK), path)
        for path in ["scripts/traces.txt", "build/tests/gpu_programs"]:
            self.assertTrue((self.bundle / path).is_file(), path)
        self.assertRegex((self.bundle / "REVISION").read_text(), r"^[0-9a-f]{40}\n$")

    def test_the_program_says_its_version_and_what_the_machine_has(self):
        version = self.start("--version")
        self.assertEqual(version.returncode, 0, version.output)
        self.assertRegex(version.output, r"^dcgan \d+\.\d+\.\d+")
        doctor = self.start("doctor")
        self.assertEqual(doctor.returncode, 0, doctor.output)
        self.assertIn("oneDNN", doctor.output)

    def test_it_trains_and_its_tests_run(self):
        trained = self.start("train", "--device", "cpu", "--threads", "1", "--preset", "mnist32",
                             "--ngf", "4", "--ndf", "4", "--batch-size", "4", "--steps", "2",
                             "--strokes-count", "8", "--out", self.root / "out")
        self.assertEqual(trained.returncode, 0, trained.output)
        self.assertTrue((self.root / "out/samples.png").exists())
        tests = run(self.bundle / "build/tests/test_kernels", "a NaN logit*", cwd=self.root,
                    env={"LD_LIBRARY_PATH": str(self.bundle / "lib")})
        self.assertEqual(tests.returncode, 0, tests.output)
        self.assertNotIn("No test cases", tests.output)

    def test_nothing_is_loaded_from_the_build_or_the_sources(self):
        loaded = self.start("doctor", LD_DEBUG="libs").output
        files = set(re.findall(r"calling init: (\S+)", loaded))
        self.assertTrue(any("libdnnl" in name for name in files), loaded[-2000:])
        for name in files:
            self.assertFalse(name.startswith((f"{BUILD}/", f"{ROOT}/")), name)
            if "libdnnl" in name or "libfmt" in name:
                self.assertTrue(name.startswith(f"{self.bundle}/lib/"), name)


if __name__ == "__main__":
    unittest.main()

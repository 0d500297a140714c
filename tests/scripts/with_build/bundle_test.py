"""scripts/bundle.sh packs this build so that it runs elsewhere. DCGAN_PROGRAM: the built program;
DCGAN_HAS_CUDA=1: it has the engine for a real GPU."""

import json
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
HAS_CUDA = os.environ["DCGAN_HAS_CUDA"] == "1"
MOST_BYTES = 63_000_000
# As PyTorch's wheels lay them out.
PACKAGES = {"cudnn": ["libcudnn*.so.9"], "nccl": ["libnccl.so.2"],
            "cu13": ["libcublasLt.so.*", "libnvrtc.so.*", "libnvrtc-builtins.so.*",
                     "libnvJitLink.so.*"]}


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.packed = cls.root / "bundle.tar.xz"
        kind = [] if HAS_CUDA else ["--without-cuda"]
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
        for path in ["scripts/traces.txt", "build/tests/gpu_programs", "scripts/gpu_check/plan.py",
                     "scripts/torch_networks.py", "benchmarks/peers/pytorch_gpu.py"]:
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

    def test_the_comparison_with_pytorch_starts(self):
        done = run(sys.executable, "-B", self.bundle / "benchmarks/peers/compare.py", "--help",
                   cwd=self.root, env={})
        self.assertEqual(done.returncode, 0, done.output)

    @unittest.skipUnless(HAS_CUDA, "a build for a real GPU links NVIDIA's libraries")
    def test_nvidias_libraries_of_pythons_packages_serve(self):
        site = self.root / "site"
        here = run("ldd", BUILD / "dcgan").output
        toolkit = pathlib.Path(re.search(r"libcublasLt\S+ => (\S+)", here)[1]).parent
        for package, patterns in PACKAGES.items():
            folder = site / "nvidia" / package / "lib"
            folder.mkdir(parents=True)
            for pattern in patterns:
                for library in toolkit.glob(pattern):
                    os.symlink(library.resolve(), folder / library.name)
        os.makedirs(self.root / "bin", exist_ok=True)
        os.symlink(sys.executable, self.root / "bin/python3")
        environment = {"PATH": f"{self.root}/bin:/usr/bin:/bin", "PYTHONPATH": str(site),
                       "HOME": str(self.root)}
        doctor = self.start("doctor", **environment)
        self.assertEqual(doctor.returncode, 0, doctor.output)
        for library in ["cuDNN", "cuBLASLt", "NVRTC"]:
            self.assertRegex(doctor.output, rf"{library} +[\d.]+ from {site}/nvidia/")
        self.assertRegex(doctor.output, r"cuDNN .*, built with \d+\.\d+\.\d+")
        self.assertRegex(doctor.output, r"NCCL +(not found|\d)")
        # The script says the same, before it starts anything.
        out = self.root / "out"
        done = run(self.bundle / "scripts/gpu_check.sh", "--out", out, "--only", "none",
                   cwd=self.root, env=environment)
        result = json.loads((out / "result.json").read_text())
        self.assertEqual(result["steps"][0]["name"], "libraries", done.output)
        self.assertEqual(result["steps"][0]["outcome"], "passed", done.output)
        for one in result["libraries"]:
            self.assertTrue(not one["required"] or one["path"].startswith(f"{site}/"), one)

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

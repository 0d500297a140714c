"""scripts/check_ptxas.py fails on spills and stacks, and on a compiler that says nothing."""

import json
import os
import tempfile
import unittest

from support import ROOT, run, write, write_program

ENTRY = "ptxas info    : Compiling entry function '_Z3addPf' for 'sm_90'"
FIGURES = "    {} bytes stack frame, {} bytes spill stores, {} bytes spill loads"
REGISTERS = "ptxas info    : Used 28 registers, used 1 barriers"


class CheckPtxas(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.kernel = write(self.root, "add.cu", "// the compiler below does not read it\n")

    def check(self, lines, status=0):
        text = "\n".join(lines)
        nvcc = write_program(self.root, "nvcc",
                             f"#!/bin/sh\ncat >&2 <<'END'\n{text}\nEND\nexit {status}\n")
        return run(ROOT / "scripts/check_ptxas.py", "--nvcc", nvcc, self.kernel)

    def assert_refused(self, result, *words):
        self.assertEqual(result.returncode, 1, result.output)
        for word in words:
            self.assertIn(word, result.output)

    def test_a_kernel_in_registers_passes(self):
        result = self.check([ENTRY, FIGURES.format(0, 0, 0), REGISTERS])
        self.assertEqual(result.returncode, 0, result.output)
        self.assertIn("1 kernels of 1 files", result.output)

    def test_a_spill_is_refused(self):
        result = self.check([ENTRY, FIGURES.format(8, 12, 16), REGISTERS])
        self.assert_refused(result, "add.cu", "12 bytes of spill stores", "28 registers")

    def test_a_stack_without_spills_is_refused(self):
        self.assert_refused(self.check([ENTRY, FIGURES.format(40, 0, 0), REGISTERS]),
                            "40 bytes of stack")

    def test_the_second_kernel_of_a_file_counts(self):
        good = [ENTRY, FIGURES.format(0, 0, 0), REGISTERS]
        bad = [ENTRY, FIGURES.format(8, 0, 0), REGISTERS]
        self.assert_refused(self.check(good + bad), "2 kernels", "1 at fault")

    def test_missing_figures_are_refused(self):
        self.assert_refused(self.check([ENTRY]), "no figures")
        self.assert_refused(self.check([]), "no kernel")

    def test_a_file_that_does_not_compile_is_refused(self):
        self.assert_refused(self.check(["add.cu(1): error: nonsense"], 2), "does not compile",
                            "nonsense")

    def test_without_nvcc_it_is_skipped_and_a_named_one_must_be_there(self):
        script = ROOT / "scripts/check_ptxas.py"
        result = run(script, self.kernel, env={**os.environ, "NVCC": self.root + "/none"})
        self.assertEqual(result.returncode, 77, result.output)
        self.assertIn("no nvcc", result.output)
        self.assert_refused(run(script, "--nvcc", self.root + "/none", self.kernel), "/none")

    def test_all_asks_for_every_architecture_of_the_releases(self):
        nvcc = write_program(self.root, "nvcc", '#!/bin/sh\necho "$@" >&2\nexit 2\n')
        result = run(ROOT / "scripts/check_ptxas.py", "--all", "--nvcc", nvcc, self.kernel)
        presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
        released = next(preset["cacheVariables"]["DCGAN_CUDA_ARCHITECTURES"]
                        for preset in presets if preset["name"] == "cuda-release")
        self.assertIn("80", released.split(";"))
        for arch in released.split(";"):
            own = "90a" if arch == "90" else arch
            self.assertIn(f"arch=compute_{own},code=sm_{own}", result.output)


if __name__ == "__main__":
    unittest.main()

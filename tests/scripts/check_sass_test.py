"""scripts/check_sass.py fails on a missing instruction, on local memory and on an unlisted kernel."""

import os
import tempfile
import unittest

from support import ROOT, run, write, write_program

FUNCTION = "\t\tFunction : {}"
LINE = "        /*{:04x}*/     {} {} ;     /* 0x00000a00ff017b82 */"
PRODUCT = "_Z19tile_product_kernelPf"
GOOD = ["@P0 LDGSTS.E.BYPASS.128", "LDSM.16.M88.4", "HMMA.16816.F32.BF16", "EXIT"]


def listing(name, instructions):
    return [FUNCTION.format(name)] + [LINE.format(16 * i, instruction, "R1, R2")
                                      for i, instruction in enumerate(instructions)]


class CheckSass(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.kernel = write(self.root, "tile.cu", "// the compiler below does not read it\n")
        self.nvcc = write_program(self.root, "nvcc", "#!/bin/sh\nexit 0\n")

    def check(self, lines):
        text = "\n".join(lines)
        cuobjdump = write_program(self.root, "cuobjdump", f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        return run(ROOT / "scripts/check_sass.py", "--nvcc", self.nvcc, "--cuobjdump", cuobjdump,
                   self.kernel)

    def assert_refused(self, result, *words):
        self.assertEqual(result.returncode, 1, result.output)
        for word in words:
            self.assertIn(word, result.output)

    def test_a_kernel_with_all_instructions_passes(self):
        result = self.check(listing(PRODUCT, GOOD))
        self.assertEqual(result.returncode, 0, result.output)
        self.assertIn("1 kernels of 1 files", result.output)

    def test_each_missing_instruction_is_named(self):
        for i, kind in enumerate(["LDGSTS", "LDSM", "HMMA.16816.F32.BF16"]):
            rest = GOOD[:i] + GOOD[i + 1:]
            self.assert_refused(self.check(listing(PRODUCT, rest)), "tile.cu", "has no " + kind)

    def test_another_type_of_product_does_not_count(self):
        other = GOOD[:2] + ["HMMA.16816.F32"]
        self.assert_refused(self.check(listing(PRODUCT, other)), "has no HMMA.16816.F32.BF16")

    def test_local_memory_is_refused(self):
        for kind in ["LDL.64", "@!P1 STL"]:
            self.assert_refused(self.check(listing(PRODUCT, GOOD + [kind])), "local memory")

    def test_the_second_kernel_of_a_file_counts(self):
        lines = listing(PRODUCT, GOOD) + listing(PRODUCT.replace("Pf", "Pd"), GOOD[1:])
        self.assert_refused(self.check(lines), "2 kernels", "1 faults")

    def test_a_kernel_without_a_row_is_refused(self):
        self.assert_refused(self.check(listing("_Z12other_kernelPf", GOOD)), "no row in KERNELS")

    def test_a_listing_without_kernels_is_refused(self):
        self.assert_refused(self.check([]), "shows no kernel")

    def test_a_file_that_does_not_compile_is_refused(self):
        write_program(self.root, "nvcc", "#!/bin/sh\necho nonsense >&2\nexit 2\n")
        self.assert_refused(self.check(listing(PRODUCT, GOOD)), "does not compile", "nonsense")

    def test_without_cuobjdump_it_is_skipped_and_a_named_one_must_be_there(self):
        script = ROOT / "scripts/check_sass.py"
        none = self.root + "/none"
        result = run(script, "--nvcc", self.nvcc, self.kernel,
                     env={**os.environ, "CUOBJDUMP": none})
        self.assertEqual(result.returncode, 77, result.output)
        self.assertIn("no cuobjdump", result.output)
        self.assert_refused(run(script, "--nvcc", self.nvcc, "--cuobjdump", none, self.kernel), none)


if __name__ == "__main__":
    unittest.main()

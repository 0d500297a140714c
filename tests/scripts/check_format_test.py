"""scripts/check_format.sh refuses a badly formatted file and mends it."""

import sys
import tempfile
import unittest

from support import ROOT, run, write

SCRIPT = ROOT / "scripts/check_format.sh"
# A scratch folder inside the tree, because clang-format looks for .clang-format above the file.
SCRATCH = ROOT / "build"


class CheckFormat(unittest.TestCase):
    def setUp(self):
        SCRATCH.mkdir(exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=SCRATCH)
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def test_a_well_formed_file_passes(self):
        file = write(self.root, "good.cpp", "int twice(int x) { return 2 * x; }\n")
        result = run(SCRIPT, file)
        self.assertEqual(result.returncode, 0, result.output)

    def test_a_planted_violation_is_named_with_its_line_and_mended_by_fix(self):
        file = write(self.root, "bad.cu", "int one = 1;\nint  twice( int x ){return 2*x;}\n")
        result = run(SCRIPT, file)
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn(f"{file}:2:", result.output)
        self.assertEqual(run(SCRIPT, "--fix", file).returncode, 0)
        self.assertEqual(run(SCRIPT, file).returncode, 0)


if __name__ == "__main__":
    if run(SCRIPT, SCRIPT.parent.parent / "runtime/base/shape.cpp").returncode == 77:
        print("skipped: no clang-format 14")
        sys.exit(77)
    unittest.main()

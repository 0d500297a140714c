"""scripts/mutate_kernels.py changes device code only, one place at a time, and puts it back."""

import json
import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write

sys.path.insert(0, str(ROOT / "scripts"))
import mutate_kernels  # noqa: E402

KERNEL = """// a + b
constexpr int kSum = 1 + 2;

__device__ __forceinline__ float added(float a, float b);
__device__ __forceinline__ float added(float a, float b) { return 0.0f; }

__global__ void __launch_bounds__(32)
    add_kernel(const float* x, float* y, int count) {
  for (int i = 0; i < 4; ++i) y[i] += 1.0f;  // a + b
  for (int at = threadIdx.x; at < count; at += 32) {
    y[at] = x[at] + x[at - 1];
    __syncthreads();
  }
}

void host(int count) { const int more = count + 1; }
"""
PATH = pathlib.Path("kernels/add/cuda/add.cu")


class MutateKernels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def changes(self, text=KERNEL):
        return [(m.kind, m.changed().strip()) for m in mutate_kernels.mistakes_in(PATH, text)]

    def test_mistakes_are_in_device_code_only(self):
        self.assertEqual(self.changes(), [
            ("accumulation", "for (int i = 0; i < 4; ++i) y[i] = 1.0f;  // a + b"),
            ("accumulation", "for (int at = threadIdx.x; at < count; at = 32) {"),
            ("bound", "for (int at = threadIdx.x; at <= count; at += 32) {"),
            ("axis", "for (int at = threadIdx.y; at < count; at += 32) {"),
            ("sum", "y[at] = x[at] - x[at - 1];"),
            ("difference", "y[at] = x[at] + x[at + 1];"),
            ("barrier", ";"),
        ])

    def test_an_explanation_holds_when_lines_move(self):
        before = mutate_kernels.mistakes_in(PATH, KERNEL)[4]
        after = mutate_kernels.mistakes_in(PATH, "\n\n" + KERNEL)[4]
        self.assertNotEqual(before.number, after.number)
        self.assertEqual(before.key(), after.key())
        file, line, column, new = before.key()
        rows = [{"file": file, "line": line, "column": column, "new": new, "why": "tested"}]
        path = write(self.root, "mutants.json", json.dumps(rows))
        self.assertEqual(mutate_kernels.explained(path)[after.key()], "tested")

    def test_a_mistake_is_planted_for_the_tests_and_taken_back(self):
        mistake = mutate_kernels.mistakes_in(PATH, KERNEL)[0]
        seen = []

        class Tree(mutate_kernels.Tree):
            def compile(self):
                seen.append((self.source / PATH).read_text(encoding="utf-8"))
                return True

            def failing(self, limit_s):
                return None

        tree = Tree(self.root, jobs=1)
        kernel = write(tree.source, PATH, KERNEL)
        self.assertIsNone(tree.verdict(mistake, limit_s=1))
        self.assertEqual(seen, [KERNEL.replace("y[i] += 1.0f", "y[i] = 1.0f")])
        self.assertEqual(kernel.read_text(encoding="utf-8"), KERNEL)

    def test_what_does_not_compile_is_noticed_by_the_compiler(self):
        mistake = mutate_kernels.mistakes_in(PATH, KERNEL)[0]

        class Tree(mutate_kernels.Tree):
            def compile(self):
                return False

        tree = Tree(self.root, jobs=1)
        write(tree.source, PATH, KERNEL)
        self.assertEqual(tree.verdict(mistake, limit_s=1), "the compiler")

    def test_the_kernels_have_mistakes_to_plant(self):
        result = run(ROOT / "scripts/mutate_kernels.py", "--list")
        self.assertEqual(result.returncode, 0, result.output)
        self.assertGreater(int(result.output.split()[-2]), 500)

    def test_every_explanation_still_names_a_line(self):
        keys = {mistake.key() for mistake in mutate_kernels.all_mistakes([])}
        for key in mutate_kernels.explained():
            self.assertIn(key, keys)

    def test_an_unknown_file_is_a_usage_error(self):
        result = run(ROOT / "scripts/mutate_kernels.py", self.root / "none.cu")
        self.assertEqual(result.returncode, 2)
        self.assertIn("none.cu", result.output)


if __name__ == "__main__":
    unittest.main()

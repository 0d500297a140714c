"""scripts/check_layering.py finds what is planted and nothing else."""

import sys
import tempfile
import unittest

from support import ROOT, run, write


class CheckLayering(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        # A small tree without fault, to which each test adds one.
        write(self.root, "runtime/base/shape.h", "#pragma once\n#include <vector>\n")
        write(self.root, "runtime/io/files.h", '#include "runtime/base/shape.h"\n')
        write(self.root, "kernels/conv/conv.h", '#include "runtime/base/shape.h"\n')
        write(self.root, "kernels/vendor/cuda/cudnn.cpp", "#include <cudnn.h>\n")
        write(self.root, "kernels/common/cuda/warp.h", "#include <cuda_runtime.h>\n")
        write(self.root, "models/networks/block.h", '#include "kernels/conv/conv.h"\n')
        write(self.root, "models/include/dcgan/dcgan.h", "#include <stddef.h>\n")
        write(self.root, "models/api/api.cpp", '#include "dcgan/dcgan.h"\n')
        write(self.root, "apps/train.cpp", '#include "models/networks/block.h"\n')
        write(self.root, "tests/apps/train_test.cpp", '#include "kernels/conv/conv.h"\n')

    def check(self, *options):
        return run(ROOT / "scripts/check_layering.py", "--root", self.root, *options)

    def assert_refused(self, path, line, words):
        write(self.root, path, f"// planted\n{line}\n")
        result = self.check()
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn(f"{path}:2: ", result.output)
        self.assertIn(words, result.output)
        self.assertIn(": 1 violations", result.output)

    def test_a_tree_without_fault_passes(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.output)

    def test_kernels_may_not_include_models(self):
        self.assert_refused("kernels/loss/loss.cpp", '#include "models/networks/block.h"',
                            "kernels/loss may not include models/networks")

    def test_an_operation_may_not_include_its_neighbour(self):
        self.assert_refused("kernels/loss/loss.cpp", '#include "kernels/conv/conv.h"',
                            "kernels/loss may not include kernels/conv")

    def test_the_table_of_rooms_has_no_circle(self):
        sys.path.insert(0, str(ROOT / "scripts"))
        import check_layering
        self.assertIsNone(check_layering.circle(check_layering.ALLOWED))
        planted = {"a": ["b"], "b": ["c"], "c": ["a"], "d": []}
        self.assertEqual(check_layering.circle(planted), ["a", "b", "c", "a"])

    def test_base_may_not_include_the_rooms_above_it(self):
        self.assert_refused("runtime/base/log.h", '#  include "runtime/io/files.h"',
                            "runtime/base may not include runtime/io")

    def test_angle_brackets_hide_nothing(self):
        self.assert_refused("runtime/io/npy.cpp", "#include <kernels/conv/conv.h>",
                            "runtime/io may not include kernels/conv")

    def test_apps_may_not_reach_past_models(self):
        self.assert_refused("apps/info.cpp", '#include "kernels/conv/conv.h"',
                            "apps may not include kernels/conv")

    def test_nobody_sees_apps(self):
        write(self.root, "apps/options.h", "#pragma once\n")
        self.assert_refused("models/training/trainer.cpp", '#include "apps/options.h"',
                            "models/training may not include apps")

    def test_the_public_header_includes_nothing_of_ours(self):
        self.assert_refused("models/include/dcgan/dcgan.hpp", '#include "runtime/base/shape.h"',
                            "models/include may not include runtime/base")

    def test_a_header_may_not_include_a_vendors_header(self):
        for name in ("cuda_runtime.h", "nccl.h", "mpi.h", "png.h", "oneapi/dnnl/dnnl.hpp"):
            with self.subTest(name):
                self.assert_refused("kernels/conv/plan.h", f"#include <{name}>", "vendors' headers")

    def test_a_private_header_stays_out_of_other_headers(self):
        write(self.root, "kernels/vendor/onednn.h", "#include <dnnl.hpp>\n")
        write(self.root, "kernels/conv/gemm.cpp", '#include "kernels/vendor/onednn.h"\n')
        self.assertEqual(self.check().returncode, 0)
        self.assert_refused("kernels/conv/plan.h", '#include "kernels/vendor/onednn.h"',
                            "carries a vendor's header")

    def test_a_quoted_include_names_a_file_from_the_root(self):
        self.assert_refused("kernels/conv/conv.cpp", '#include "conv.h"', "name it from the root")
        self.assert_refused("kernels/conv/conv.cpp", '#include "gone.h"', "is no file of the project")

    def test_a_new_room_must_be_declared(self):
        write(self.root, "runtime/new/thing.h", "#pragma once\n")
        result = self.check()
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("runtime/new/thing.h:1: lies in no room", result.output)

    def test_an_empty_tree_is_an_error_and_not_a_pass(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(run(ROOT / "scripts/check_layering.py", "--root", empty).returncode, 1)

    def test_a_header_that_needs_another_before_it_is_refused(self):
        self.assertEqual(self.check("--headers").returncode, 0)
        write(self.root, "kernels/conv/lazy.h", "#pragma once\nstd::vector<int> sizes();\n")
        result = self.check("--headers")
        self.assertEqual(result.returncode, 1, result.output)
        self.assertIn("kernels/conv/lazy.h:1: does not compile on its own", result.output)


if __name__ == "__main__":
    unittest.main()

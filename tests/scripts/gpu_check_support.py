"""What the tests of scripts/gpu_check share."""

import pathlib
import sys
import tempfile
import unittest

from support import ROOT, run, write

sys.path.insert(0, str(ROOT / "scripts/gpu_check"))

# Majors that no machine has, so that its own libraries cannot serve by chance.
LINKED = ["libcudnn_graph.so.99", "libcublasLt.so.77"]


def linked_program(folder, also=()):
    """A program that needs libcudnn_graph and libcublasLt, and these two, empty, in lib/. `also`:
    more such libraries."""
    source = write(folder, "empty.c", "int main(void) { return 0; }\n")
    (folder / "lib").mkdir()
    needed = [folder / "lib" / name for name in [*LINKED, *also]]
    for library in needed:
        done = run("cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", library,
                   f"-Wl,-soname,{library.name}")
        assert done.returncode == 0, done.output
    done = run("cc", source, "-o", folder / "program", "-Wl,--no-as-needed", *needed)
    assert done.returncode == 0, done.output
    return folder / "program"


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

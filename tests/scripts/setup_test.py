"""scripts/setup.sh installs what is missing and only that. The package tools are stand-ins."""

import os
import tempfile
import unittest

from support import ROOT, run, write, write_program


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        # dpkg-query knows every package but those in the file `missing`; apt-get notes its calls
        # and "installs" by emptying that file.
        write_program(self.root, "dpkg-query", f"""#!/bin/sh
            grep -qx -e "$3" {self.root}/missing && exit 1
            echo installed""")
        write_program(self.root, "apt-get", f"""#!/bin/sh
            echo "$@" >> {self.root}/calls
            case $1 in install) : > {self.root}/missing ;; esac""")
        write_program(self.root, "sudo", '#!/bin/sh\nexec "$@"\n')
        write(self.root, "calls", "")
        write(self.root, "missing", "")

    def setup_script(self, **environment):
        path = f"{self.root}:{os.environ['PATH']}"
        clean = {k: v for k, v in os.environ.items() if k != "DCGAN_NO_APT"}
        return run(ROOT / "scripts/setup.sh", env=clean | {"PATH": path} | environment)

    def calls(self):
        with open(f"{self.root}/calls", encoding="utf-8") as file:
            return file.read().splitlines()

    def test_with_everything_here_apt_is_not_called(self):
        result = self.setup_script()
        self.assertEqual(result.returncode, 0, result.output)
        self.assertEqual(self.calls(), [])

    def test_the_missing_packages_alone_are_installed_and_a_second_run_does_nothing(self):
        write(self.root, "missing", "libpng-dev\ncatch2\n")
        result = self.setup_script()
        self.assertEqual(result.returncode, 0, result.output)
        first = self.calls()
        self.assertEqual(len(first), 2, first)
        self.assertTrue(first[0].startswith("update"), first)
        self.assertEqual(sorted(first[1].split()[-2:]), ["catch2", "libpng-dev"])
        self.assertNotIn("cmake", first[1])
        self.assertEqual(self.setup_script().returncode, 0)
        self.assertEqual(self.calls(), first)

    def test_a_failing_installation_fails_the_set_up(self):
        write(self.root, "missing", "catch2\n")
        write_program(self.root, "apt-get", "#!/bin/sh\n[ $1 = update ]\n")
        self.assertNotEqual(self.setup_script().returncode, 0)

    def test_no_apt_leaves_the_system_alone(self):
        write(self.root, "missing", "catch2\n")
        result = self.setup_script(DCGAN_NO_APT="1")
        self.assertEqual(result.returncode, 0, result.output)
        self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main()

"""scripts/cluster: what is named there exists, and shells and parsers read it."""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "scripts/cluster"
PROGRAM = os.environ["DCGAN_PROGRAM"]


def help_text(command):
    return subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True,
                          check=True).stdout


def train_commands(text):
    """What follows `dcgan train` in a shell line, a YAML list or a code block."""
    joined = re.sub(r"\\\n\s*", " ", text)
    joined = re.sub(r"\[dcgan, train([^\]]*)\]", lambda m: "dcgan train" + " ".join(
        word.strip() for word in m.group(1).split(",")), joined)
    return re.findall(r"dcgan train([^\n#]*)", joined)


class Cluster(unittest.TestCase):
    def test_every_option_of_the_program_is_a_real_one(self):
        text = help_text("train")
        pages = [*FOLDER.iterdir(), ROOT / "docs/ranks.md"]
        commands = 0
        for page in pages:
            for command in train_commands(page.read_text(encoding="utf-8")):
                commands += 1
                for option in re.findall(r"(--[a-z][\w-]*)", command):
                    with self.subTest(page=page.name, option=option):
                        self.assertRegex(text, rf"{re.escape(option)}(?![\w-])")
        self.assertGreaterEqual(commands, 9)

    def test_the_shell_reads_the_scripts(self):
        for name in ["slurm.sbatch", "torchrun.sh", "mpirun.sh"]:
            done = subprocess.run(["bash", "-n", FOLDER / name], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_manifests_are_yaml(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no yaml module (Debian: python3-yaml)")
        documents = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
        self.assertEqual([document["kind"] for document in documents], ["Job", "PyTorchJob"])
        for kind in ["Master", "Worker"]:
            self.assertIn(kind, documents[1]["spec"]["pytorchReplicaSpecs"])

    def test_the_readme_names_every_file(self):
        text = (FOLDER / "README.md").read_text(encoding="utf-8")
        for path in FOLDER.iterdir():
            if path.name != "README.md":
                self.assertIn(f"`{path.name}`", text)


if __name__ == "__main__":
    unittest.main()

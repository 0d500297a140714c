"""scripts/cluster: the options given to the program exist, files parse, and the Slurm script
requeues after a save alone. DCGAN_PROGRAM: the built program. Slurm's commands and torchrun are
stand-ins; mpirun is the real one where there is one."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import ROOT, run, write_program

try:
    import yaml
except ImportError:
    yaml = None

PROGRAM = os.path.abspath(os.environ["DCGAN_PROGRAM"])
CLUSTER = ROOT / "scripts/cluster"
SHELL = ["slurm.sbatch", "torchrun.sh", "mpirun.sh"]
MANIFESTS = ["kubernetes-pytorchjob.yaml", "kubernetes-job.yaml"]
TINY = ["--preset", "mnist32", "--ngf", "4", "--ndf", "4", "--nz", "8", "--device", "cpu",
        "--threads", "1", "--batch-size", "8", "--strokes-count", "64", "--epochs", "0"]
# What stands before the options of `dcgan train`; the scripts pass theirs on to it.
BEFORE = re.compile(r'(?:\bdcgan|"\$\{DCGAN_PROGRAM:-dcgan\}") train\b|'
                    r"scripts/cluster/\w+\.(?:sh|sbatch)\b")


def options_of(path):
    """The long options given to `dcgan train` in a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return re.findall(r'^ *- "?(--[a-z][\w-]*)"?$', text, flags=re.M)
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        for command in BEFORE.split(line)[1:]:
            found += re.findall(r"(?<!\S)--[a-z][\w-]*", re.split(r"[`#|]", command)[0])
    return found


class Files(unittest.TestCase):
    def test_every_option_of_the_program_exists(self):
        known = set(re.findall(r"--[a-zA-Z][\w-]*", run(PROGRAM, "train", "--help").output))
        for name in [*SHELL, *MANIFESTS, "Containerfile", "README.md"]:
            options = options_of(CLUSTER / name)
            self.assertGreater(len(options), 1, f"{name}: {options}")
            for option in options:
                with self.subTest(file=name, option=option):
                    self.assertTrue(option in known)

    def test_the_readme_names_every_file(self):
        text = (CLUSTER / "README.md").read_text(encoding="utf-8")
        for path in CLUSTER.iterdir():
            if path.name != "README.md":
                self.assertIn(f"| `{path.name}` |", text)

    def test_an_option_that_does_not_exist_would_be_found(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, line in {"a.sh": '"${DCGAN_PROGRAM:-dcgan}" train \\\n  --frob "$@"',
                               "b.yaml": "        - --frob", "c.md": "`dcgan train --frob`",
                               "d.sh": "#   X=1 scripts/cluster/mpirun.sh --frob 3"}.items():
                path = pathlib.Path(folder) / name
                path.write_text(line + "\n", encoding="utf-8")
                self.assertEqual(options_of(path), ["--frob"], name)

    def test_every_script_is_valid_and_can_be_run(self):
        for name in SHELL:
            done = run("bash", "-n", CLUSTER / name)
            self.assertEqual(done.returncode, 0, done.output)
            self.assertTrue(os.access(CLUSTER / name, os.X_OK), name)

    @unittest.skipUnless(yaml, "no python3-yaml")
    def test_the_manifests_run_the_program_with_a_place_for_its_results(self):
        for name in MANIFESTS:
            document = yaml.safe_load((CLUSTER / name).read_text(encoding="utf-8"))
            for pod in self.pods(document):
                container, = pod["containers"]
                arguments = container["args"]
                self.assertEqual(arguments[0], "train")
                self.assertTrue(all(isinstance(one, str) for one in arguments), arguments)
                out = arguments[arguments.index("--out") + 1]
                mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
                self.assertIn("/" + out.split("/")[1], mounts)
                self.assertEqual({one["name"] for one in container["volumeMounts"]},
                                 {one["name"] for one in pod["volumes"]})
                gpus = container["resources"]["limits"]["nvidia.com/gpu"]
                if "--gpus" in arguments:
                    self.assertEqual(arguments[arguments.index("--gpus") + 1], str(gpus))
                else:
                    self.assertEqual(gpus, 1)

    def pods(self, document):
        if document["kind"] == "Job":
            return [document["spec"]["template"]["spec"]]
        replicas = document["spec"]["pytorchReplicaSpecs"]
        return [replicas[role]["template"]["spec"] for role in ("Master", "Worker")]

    def test_the_image_takes_folders_that_exist(self):
        text = (CLUSTER / "Containerfile").read_text(encoding="utf-8")
        sources = [word for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, flags=re.M)
                   for word in line.split()]
        self.assertGreater(len(sources), 5)
        for source in sources:
            self.assertTrue((ROOT / source).exists(), source)
        presets = (ROOT / "CMakePresets.json").read_text(encoding="utf-8")
        for preset in re.findall(r"--preset (\w+)", text):
            self.assertIn(f'"name": "{preset}"', presets)
        options = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("cmake/*.cmake"))
        for option in re.findall(r"-D(\w+)=", text):
            self.assertTrue(re.search(rf"\b{option}\b", options), option)


class Launchers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {**os.environ, "DCGAN_PROGRAM": PROGRAM,
                            "PATH": f"{self.folder}:{os.environ['PATH']}",
                            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def slurm_job(self, code):
        """The job whose srun ends with `code`; the notes of its stand-ins."""
        notes = self.folder / "notes"
        notes.write_text("")
        for name, ending in {"srun": f"exit {code}\n", "scontrol": ""}.items():
            write_program(self.folder, name,
                          f'#!/bin/sh\nprintf "<%s>" {name} "$@" >> {notes}\n{ending}')
        done = run(CLUSTER / "slurm.sbatch", "--out", "my runs/faces",
                   env={**self.environment, "SLURM_JOB_ID": "77", "SLURM_CPUS_PER_TASK": "8"})
        self.assertEqual(done.returncode, code, done.output)
        return notes.read_text()

    def test_the_slurm_job_passes_the_options_on_and_requeues_after_a_save_alone(self):
        for code in [0, 69, 78, 79, 80, 137]:
            notes = self.slurm_job(code)
            self.assertNotIn("scontrol", notes)
            self.assertIn("<--cpus-per-task=8>", notes)
            self.assertTrue(notes.endswith(
                f"<{PROGRAM}><train><--resume><auto><--out><my runs/faces>"), notes)
        self.assertTrue(self.slurm_job(75).endswith("<scontrol><requeue><77>"))

    @unittest.skipUnless(shutil.which("sbatch"), "no Slurm")
    def test_slurm_takes_the_options_of_the_script(self):
        # Without a controller it ends there, after it has read them.
        done = run("sbatch", "--test-only", CLUSTER / "slurm.sbatch")
        self.assertNotRegex(done.output, "(?i)unrecognized|invalid option|usage:")

    def test_torchrun_starts_the_program_and_no_python(self):
        write_program(self.folder, "torchrun", '#!/bin/sh\nprintf "<%s>" "$@"\n')
        done = run(CLUSTER / "torchrun.sh", "--out", "my runs/faces",
                   env={**self.environment, "NODES": "2", "GPUS": "4", "FIRST": "node1"})
        self.assertEqual(done.returncode, 0, done.output)
        self.assertIn("<--nnodes><2><--nproc-per-node><4>", done.output)
        self.assertIn("<--rdzv-endpoint><node1:29400>", done.output)
        self.assertTrue(done.output.endswith(
            f"<--no-python><{PROGRAM}><train><--resume><auto><--out><my runs/faces>"), done.output)

    def test_mpirun_wants_the_hosts(self):
        plain = {name: value for name, value in self.environment.items() if name != "HOSTS"}
        done = run(CLUSTER / "mpirun.sh", env=plain)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("HOSTS", done.output)

    @unittest.skipUnless(shutil.which("mpirun"), "no mpirun")
    def test_ranks_of_mpirun_save_after_sigusr1_and_go_on(self):
        out = self.folder / "out"
        command = [CLUSTER / "mpirun.sh", *TINY, "--out", out, "--log-every", "1", "--comm-timeout",
                   "20"]
        environment = {**self.environment, "HOSTS": "localhost:2"}
        with open(self.folder / "log", "w+", encoding="utf-8") as log:
            with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log) as training:
                deadline = time.monotonic() + 60
                while not (out / "metrics.jsonl").exists() and training.poll() is None \
                        and time.monotonic() < deadline:
                    time.sleep(0.05)
                training.send_signal(signal.SIGUSR1)
                code = training.wait(timeout=60)
            log.seek(0)
            self.assertEqual(code, 75, log.read())
        step = max(int(path.name[5:]) for path in (out / "checkpoints").iterdir())
        done = run(*command, "--steps", str(step + 2), env=environment)
        self.assertEqual(done.returncode, 0, done.output)
        self.assertIn(f"at step {step}\n", done.output)
        self.assertTrue((out / f"checkpoints/step_{step + 2:08}").is_dir())


if __name__ == "__main__":
    unittest.main()

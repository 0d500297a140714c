"""The commands of README.md and docs/ are understood and run.

Rules. Every option in a command, also within sentences, exists in the command's --help. Every command
of an `sh` block that calls the program is run, page by page, in a folder with small data sets:
  - tiny networks, a batch of 4, one thread, the CPU and float32 are added to the command
    (`train --resume`, `sample --checkpoint` and `interpolate` keep those of their run);
  - a fresh `train` makes one step into an empty output folder; `train --resume` makes one more step;
  - a run that a command reads and the page did not make is made before; `step_NNNNNNNN` is the newest;
  - a weight file that a command reads is that of a tiny run, a trace is needed for `verify`, so only its
    options are checked; `bench` makes one repeat; numbers of images (`--n`) stay.
`cmake` is not run. Of a script, the options are looked up in its text.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

from pages import PROGRAMS, ROOT, SCRIPTS, commands, inline_commands, user_pages

PROGRAM = os.path.abspath(os.environ["DCGAN_PROGRAM"])
CPU = ["--device", "cpu", "--threads", "1"]
NETWORK = ["--nz", "4", "--ngf", "2", "--ndf", "2"]
TINY = [*NETWORK, *CPU, "--batch-size", "4", "--precision", "fp32"]
FRESH = [*TINY, "--strokes-count", "8", "--steps", "1", "--max-seconds", "0", "--d-steps", "1",
         "--sample-count", "4"]
# Placeholders in sentences: no command, or not to be looked up.
COMMANDS = ("train", "pack", "sample", "interpolate", "plot", "verify", "info", "bench", "doctor")


def run(arguments, **options):
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options)


def png(width, height, value):
    """A grey PNG with a gradient."""
    rows = b"".join(b"\0" + bytes((value + x + y) % 256 for x in range(width))
                    for y in range(height))
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def make_data(folder):
    """mnist/, faces/ and cifar/ with 8 images each."""
    for name in ["mnist", "faces", "cifar"]:
        (folder / name).mkdir()
    pixels = bytes(range(256)) * 25
    (folder / "mnist" / "train-images-idx3-ubyte").write_bytes(
        struct.pack(">4I", 0x803, 8, 28, 28) + pixels[:8 * 28 * 28])
    for i in range(8):
        (folder / "faces" / f"{i}.png").write_bytes(png(70 + i, 66, 20 * i))
    for i in range(1, 6):
        record = bytes([i]) + (pixels * 2)[:3072]
        (folder / "cifar" / f"data_batch_{i}.bin").write_bytes(record * 2)


def option_after(arguments, name):
    """The value that follows an option, or None."""
    return arguments[arguments.index(name) + 1] if name in arguments else None


LAUNCHERS = ("torchrun", "mpirun", "srun")


def launched(arguments):
    """What a launcher is to start, or the command itself."""
    if arguments[0] in LAUNCHERS and "dcgan" in arguments:
        return arguments[arguments.index("dcgan"):]
    return arguments


def two_ranks(arguments):
    """The command with two CPU ranks in place of however many it names: the images are few."""
    words = []
    for word, before in zip(arguments, ["", *arguments]):
        words.append("2" if before in ("--gpus", "--ranks") else
                     "--ranks" if word == "--gpus" else word)
    return words


class Runner:
    """Runs the commands of one page in a folder."""

    def __init__(self, folder):
        self.folder = folder
        make_data(folder)

    def expect_success(self, arguments):
        done = run(arguments, cwd=self.folder)
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode}: {' '.join(arguments)}\n{done.stderr}")

    def ensure_run(self, where):
        """An output folder with a checkpoint, of the default network made tiny."""
        out = where.split("/checkpoints/")[0]
        if not (self.folder / out / "checkpoints").exists():
            self.expect_success(["train", *FRESH, "--out", out])

    def newest(self, path):
        """step_NNNNNNNN of a page is the newest of the run."""
        head, separator, tail = path.partition("/checkpoints/")
        if not separator:
            return path
        self.ensure_run(path)
        last = max((self.folder / head / "checkpoints").glob("step_*"))
        return "/".join([head, "checkpoints", last.name, *tail.split("/")[1:]])

    def weights(self, path):
        """A weight file that the page reads without having made it."""
        if (self.folder / path).exists():
            return
        self.ensure_run("runs/weights")
        checkpoint = max((self.folder / "runs/weights/checkpoints").glob("step_*"))
        name = "discriminator" if "netD" in path else "generator"
        shutil.copy(checkpoint / f"{name}.safetensors", self.folder / path)

    def prepare(self, arguments):
        """Makes what the command reads; the arguments with their paths."""
        arguments = [self.newest(argument) for argument in arguments]
        for option in ["--checkpoint", "--resume", "--init-from", "plot"]:
            where = option_after(arguments, option)
            if where not in (None, "auto"):
                self.ensure_run(where)
        for option in ["--generator", "--init-generator", "--init-discriminator", "--netG", "--netD"]:
            path = option_after(arguments, option)
            if path is not None:
                self.weights(path)
        return arguments

    def run(self, arguments):
        arguments = self.prepare(arguments)
        command = arguments[0]
        if command == "verify" or "--help" in arguments:
            return
        if command == "train":
            arguments = self.train(two_ranks(arguments))
        elif command in ("sample", "interpolate"):
            if "--generator" in arguments:
                arguments += NETWORK
            arguments += CPU
        elif command == "bench":
            arguments += [*TINY, "--repeats", "1", "--warm-up", "1"]
            if not {"--all-reduce", "--scaling"} & set(arguments):
                arguments += ["--batches", "4", "--peak-tflops", "1", "--peak-gbs", "1"]
        elif command == "info":
            arguments += CPU
        self.expect_success(arguments)

    def train(self, arguments):
        resumed = option_after(arguments, "--resume")
        if resumed in (None, "auto"):
            out = option_after(arguments, "--out") or "out"
            shutil.rmtree(self.folder / out, ignore_errors=True)
            return arguments + FRESH
        steps = max(int(path.name[5:]) for path in
                    (self.folder / resumed.split("/checkpoints/")[0] / "checkpoints").iterdir())
        return arguments + [*CPU, "--steps", str(steps + 1)]


class Commands(unittest.TestCase):
    def setUp(self):
        self.help = {command: run([command, "--help"]).stdout for command in COMMANDS}

    def require_options(self, command):
        arguments = launched(command.arguments)
        if arguments[0] in PROGRAMS:
            if arguments[1].startswith("-") or arguments[1] in ("help", "COMMAND", "options-page"):
                return
            self.assertIn(arguments[1], COMMANDS, command)
            text = self.help[arguments[1]]
        else:
            scripts = [a for a in arguments if a.startswith(SCRIPTS)]
            if not scripts:
                self.assertIn(arguments[0], ("cmake", "ctest", "tar", "cd", "python3", "podman"), command)
                return
            self.assertTrue((ROOT / scripts[0]).is_file(), command)
            text = (ROOT / scripts[0]).read_text(encoding="utf-8")
            if scripts[0].endswith(".py"):  # some names come from tables of field names
                text = re.sub(r'"(\w+)"', lambda name: "--" + name[1].replace("_", "-"), text)
        for option in arguments:
            if option.startswith("--"):
                name = option.split("=")[0].rstrip(".,;:")
                self.assertRegex(text, rf"{re.escape(name)}(?![\w-])", f"{command}: no {name}")

    def test_every_option_in_every_command_exists(self):
        count = 0
        for page in user_pages():
            for command in commands(page) + inline_commands(page):
                with self.subTest(command=str(command)):
                    self.require_options(command)
                    count += 1
        self.assertGreater(count, 40)

    def test_every_option_named_in_a_sentence_exists(self):
        known = "".join(self.help.values()) + run(["--help"]).stdout
        known += (ROOT / "scripts/gpu_check.sh").read_text(encoding="utf-8")
        other = {"--sanitizers", "--no-emulated", "--tidy", "--tidy-all", "--preset", "--build",
                 "--prefix", "--install"}
        for page in user_pages():
            text = page.read_text(encoding="utf-8")
            for option in set(re.findall(r"`(--[\w-]+)", text)) - other:
                with self.subTest(page=page.name, option=option):
                    self.assertRegex(known, rf"{re.escape(option)}(?![\w-])")

    def test_every_command_of_the_program_runs(self):
        count = 0
        for page in user_pages():
            with tempfile.TemporaryDirectory() as name:
                runner = Runner(pathlib.Path(name))
                for command in commands(page):
                    if command.arguments[0] not in PROGRAMS:
                        continue
                    with self.subTest(command=str(command)):
                        runner.run(command.arguments[1:])
                        count += 1
        self.assertGreater(count, 20)


if __name__ == "__main__":
    unittest.main()

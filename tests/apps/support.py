"""What the tests of the program share: running it on a tiny network, and reading what it leaves."""

import array
import json
import math
import os
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["DCGAN_PROGRAM"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("DCGAN_SHARED", ROOT.parent / "shared"))

# Two threads would fight with whatever else the machine does; results do not depend on them.
CPU = ["--device", "cpu", "--threads", "1"]
NETWORK = ["--preset", "mnist32", "--ngf", "4", "--ndf", "4", "--nz", "8"]
# 64 images in batches of 8: an epoch is 8 updates.
TINY = NETWORK + CPU + ["--batch-size", "8", "--strokes-count", "64", "--epochs", "0"]

COMMANDS = ["train", "pack", "sample", "interpolate", "plot", "verify", "info", "bench", "doctor"]
TENSOR_FILES = ["discriminator.safetensors", "generator.safetensors", "optimizer.safetensors"]


def run(*arguments, **options):
    """Runs the program to its end; the result has returncode, stdout and stderr."""
    options.setdefault("timeout", 120)
    return subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                          text=True, check=False, **options)


def presets():
    """Names of the presets, in the order of the program's help."""
    text = run("info", "--help").stdout
    return re.search(r"--preset \{([^}]*)\}", text).group(1).split(",")


class ProgramTest(unittest.TestCase):
    """Gives each test a folder of its own, and the assertions that most tests need."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_ok(self, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done

    def train(self, out, *arguments, **options):
        """Trains a tiny network into folder/out and returns that path."""
        self.run_ok("train", *TINY, "--out", self.folder / out, *arguments, **options)
        return self.folder / out

    def assert_fails(self, code, arguments, *words, **options):
        """It exits with `code` and one line that holds every word."""
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stderr}")
        complaints = [line for line in done.stderr.splitlines() if line.startswith("dcgan")]
        self.assertEqual(len(complaints), 1, done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], complaints[0], done.stderr)
        for word in words:
            self.assertIn(str(word), complaints[0])
        return done

    def assert_same_tensors(self, one, other, files=tuple(TENSOR_FILES)):
        """Two checkpoints hold the same bytes: weights, statistics, moments, step counts."""
        for name in files:
            self.assertTrue(same_bytes(one / name, other / name),
                            f"{name} of {one} and {other} differ")


def same_bytes(one, other):
    return one.read_bytes() == other.read_bytes()


def checkpoint(out, step):
    return out / "checkpoints" / f"step_{step:08}"


def steps_of(out):
    """Steps of the checkpoints of an output folder, in order."""
    return sorted(int(path.name[5:]) for path in (out / "checkpoints").iterdir()
                  if path.name[5:].isdigit())


class Running:
    """A training in the background, killed at the end of the block whatever happens."""

    def __init__(self, *arguments, ignored=()):
        def ignore():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
        self.process = subprocess.Popen([PROGRAM, "train", *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=ignore)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def wait_for(self, condition, seconds=60):
        """Waits until it is true; the program must still run then."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: "
                                     f"{self.process.stderr.read()}")
            if time.monotonic() > deadline:
                raise AssertionError("waited in vain")
            time.sleep(0.005)

    def cpu_seconds(self):
        """Computing time so far, from Linux's /proc."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        user = int(stat.rpartition(")")[2].split()[11])
        return user / os.sysconf("SC_CLK_TCK")

    def end(self):
        """The exit code and standard error, once it has ended."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def png_size(path):
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR", path
    return struct.unpack(">II", data[16:24])


def png_chunks(path):
    """(type, contents) of each chunk."""
    data = pathlib.Path(path).read_bytes()
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind.decode(), data[at + 8:at + 8 + length]
        at += 12 + length


def safetensors_header(path):
    """Name to description, and where the tensors begin."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return header, 8 + length


def all_finite(path):
    """No float32 of the file is infinite or not a number."""
    header, begin = safetensors_header(path)
    data = path.read_bytes()
    return all(math.isfinite(value)
               for entry in header.values() if entry["dtype"] == "F32"
               for value in array.array("f", data[begin + entry["data_offsets"][0]:
                                                  begin + entry["data_offsets"][1]]))


def fill_tensor(path, name, value):
    """Overwrites a float32 tensor in place."""
    header, begin = safetensors_header(path)
    first, last = header[name]["data_offsets"]
    data = bytearray(path.read_bytes())
    data[begin + first:begin + last] = struct.pack("<f", value) * ((last - first) // 4)
    path.write_bytes(data)


def shared_or_skip(test, *parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        test.skipTest(f"no {path} (set DCGAN_SHARED to the folder that holds it)")
    return path

"""Data sets in one file: what dcgan pack writes, trains the same weights, and is shared by ranks."""

import json
import os
import pathlib
import random
import signal
import struct
import unittest

from ranks_support import RANKS, RunningRanks, run_ranks
from support import CPU, TINY, ProgramTest, Running, checkpoint, shared_or_skip


def make_mnist(folder, count=64):
    """A data set of random 28 x 28 images; their bytes and labels."""
    numbers = random.Random(1)
    pixels, labels = numbers.randbytes(count * 28 * 28), bytes(i % 7 for i in range(count))
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28)
                                                     + pixels)
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels)
    return pixels, labels


def read_packed(path):
    """By the table in docs/outputs.md: header, description, labels and pixels."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89DCG\r\n\x1a\n"
    names = "version description_bytes file_bytes images height width channels classes".split()
    header = dict(zip(names, struct.unpack("<IIQQIIII", data[8:48])))
    assert header["file_bytes"] == len(data)
    at = 48 + header["description_bytes"]
    description = json.loads(data[48:at])
    images = header["images"]
    labels = struct.unpack(f"<{images}i", data[at:at + 4 * images]) if header["classes"] else ()
    count = images * header["height"] * header["width"] * header["channels"]
    return header, description, labels, data[-count:]


def mapping_of(pid, path):
    """kB by name of a process's mapping of a file, from Linux's /proc."""
    sizes, inside = {}, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if " " in name:
            inside = line.endswith(str(path))
        elif inside and rest.endswith("kB"):
            sizes[name] = sizes.get(name, 0) + int(rest.split()[0])
    return sizes


class Packs(ProgramTest):
    def pack(self, name, *arguments):
        done = self.run_ok("pack", *arguments, "--out", self.folder / name)
        self.assertIn(f"wrote {self.folder / name} (", done.stderr)
        return self.folder / name

    def test_a_file_holds_what_its_source_does(self):
        pixels, labels = make_mnist(self.folder / "mnist")
        path = self.pack("x.packed", "--dataset", "mnist", "--data", self.folder / "mnist",
                         "--preset", "libtorch")
        header, description, read_labels, read_pixels = read_packed(path)
        self.assertEqual(header, {"version": 1, "description_bytes": header["description_bytes"],
                                  "file_bytes": path.stat().st_size, "images": 64, "height": 28,
                                  "width": 28, "channels": 1, "classes": 7})
        self.assertEqual(description["dataset"], "mnist")
        self.assertEqual(description["data"], str(self.folder / "mnist"))
        self.assertEqual(read_labels, tuple(labels))
        self.assertEqual(read_pixels, pixels)
        again = self.pack("again.packed", "--dataset", "mnist", "--data", self.folder / "mnist",
                          "--preset", "libtorch", "--workers", "1")
        self.assertEqual(again.read_bytes(), path.read_bytes())

    def test_check_compares_every_byte(self):
        path = self.pack("x.packed", "--preset", "mnist32", "--strokes-count", "2000")
        done = self.run_ok("pack", "--check", path)
        self.assertIn(f"{path}: 2000 images 32x32x1, 10 classes, packed from strokes; every checksum "
                      "is right", done.stdout)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        self.assert_fails(65, ["pack", "--check", path], path, "block 1 of 2", "images 1024..1999")
        data[48] ^= 1
        path.write_bytes(data)
        self.assert_fails(65, ["pack", "--check", path], path, "offset", "checksum")
        self.assert_fails(74, ["pack", "--check", self.folder / "none"], "none", "No such file")

    def test_what_is_left_out_is_told(self):
        faces = shared_or_skip(self, "data", "cartoonset_samples")
        folder = self.folder / "faces"
        folder.mkdir()
        for path in sorted(faces.glob("*.png"))[:3]:
            (folder / path.name).symlink_to(path)
        (folder / "broken.png").write_bytes(b"no picture")
        arguments = ["pack", "--dataset", "folder", "--data", folder, "--preset", "cifar32",
                     "--out", self.folder / "x.packed"]
        self.assert_fails(65, arguments, "broken.png")
        self.assertFalse((self.folder / "x.packed").exists())
        done = self.run_ok(*arguments, "--on-corrupt", "skip")
        self.assertIn("data: skipped", done.stderr)
        header, description, _, _ = read_packed(self.folder / "x.packed")
        self.assertEqual((header["images"], description["skipped"]), (3, 1))

    def test_only_a_packed_file_is_replaced(self):
        path = self.pack("x.packed", "--preset", "mnist32", "--strokes-count", "8")
        self.pack("x.packed", "--preset", "mnist32", "--strokes-count", "9")
        self.assertEqual(read_packed(path)[0]["images"], 9)
        other = self.folder / "notes.txt"
        other.write_text("mine")
        (self.folder / "link").symlink_to("notes.txt")
        os.mkfifo(self.folder / "fifo")
        for name, what in [("notes.txt", "another kind"), ("link", "another kind"),
                           ("fifo", "FIFO"), (".", "folder")]:
            self.assert_fails(78, ["pack", "--strokes-count", "8", "--out", self.folder / name],
                              self.folder / name, what)
        self.assertEqual(other.read_text(), "mine")
        self.assertEqual(len(list(self.folder.iterdir())), 4)
        self.assert_fails(78, ["pack", "--dataset", "packed", "--data", path, "--out",
                               self.folder / "y.packed"], "packed already")
        self.assert_fails(78, ["pack", "--dataset", "mnist", "--out", self.folder / "y.packed"],
                          "--data")
        # Before the source is looked at.
        self.assert_fails(74, ["pack", "--dataset", "mnist", "--data", "none", "--out",
                               other / "x.packed"], other, "Not a directory")
        self.pack("new/folder/x.packed", "--preset", "mnist32", "--strokes-count", "8")
        self.assert_fails(2, ["pack"], "--out FILE", "--check FILE")
        self.assert_fails(2, ["pack", "--out", "a", "--check", "b"], "one of them")


class Trains(ProgramTest):
    """Packed and source leave the same bytes."""

    def assert_same_training(self, network, source, *more):
        packed = self.folder / "x.packed"
        self.run_ok("pack", *network, *source, "--out", packed)
        for flip in [[], ["--flip"]]:
            names = ["source" + "".join(flip), "packed" + "".join(flip)]
            common = [*network, *CPU, "--batch-size", "8", "--steps", "5", *flip, *more]
            self.run_ok("train", *common, *source, "--out", self.folder / names[0])
            done = self.run_ok("train", *common, "--dataset", "packed", "--data", packed, "--out",
                               self.folder / names[1])
            self.assertIn(f"data: packed {packed}, ", done.stderr)
            self.assertIn("data: packed from ", done.stderr)
            self.assert_same_tensors(*[checkpoint(self.folder / name, 5) for name in names])
            self.assertEqual(*[(self.folder / name / "real.png").read_bytes() for name in names])

    def test_mnist(self):
        data = shared_or_skip(self, "data", "mnist")
        self.assert_same_training(["--preset", "libtorch"], ["--dataset", "mnist", "--data", data],
                                  "--ngf", "4", "--ndf", "4", "--nz", "8")

    def test_a_folder_of_pictures(self):
        data = shared_or_skip(self, "data", "cartoonset_samples")
        self.assert_same_training(["--preset", "cifar32"], ["--dataset", "folder", "--data", data],
                                  "--ngf", "4", "--ndf", "4", "--nz", "8")

    def test_a_resumed_run_equals_one_straight_through(self):
        packed = self.folder / "x.packed"
        self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "64", "--out", packed)
        data = ["--dataset", "packed", "--data", packed, "--flip"]
        straight = self.train("straight", *data, "--steps", "11")
        parts = self.train("parts", *data, "--steps", "5")
        moved = packed.rename(self.folder / "moved.packed")
        done = self.run_ok("train", "--resume", parts, "--data", moved, "--steps", "11")
        self.assertIn("resumed from", done.stderr)
        self.assert_same_tensors(checkpoint(straight, 11), checkpoint(parts, 11))
        self.assert_fails(78, ["train", "--resume", parts, "--dataset", "strokes", "--data", "",
                               "--steps", "12"], "--dataset (strokes, was packed)")

    def test_options_travel_through_a_file(self):
        config = self.folder / "config.json"
        printed = self.run_ok("train", "--dataset", "packed", "--data", "x.packed",
                              "--print-config").stdout
        config.write_text(printed)
        self.assertEqual(json.loads(printed)["dataset"], "packed")
        self.assertEqual(self.run_ok("train", "--config", config, "--print-config").stdout, printed)
        config.write_text('{"preset": "mnist32", "strokes-count": 12}')
        self.run_ok("pack", "--config", config, "--out", self.folder / "x.packed")
        self.assertEqual(read_packed(self.folder / "x.packed")[0]["images"], 12)

    def test_what_does_not_fit_is_refused(self):
        packed = self.folder / "x.packed"
        self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "64", "--out", packed)
        out = ["--out", self.folder / "out"]
        train = ["train", *TINY, "--dataset", "packed", "--data"]
        self.assert_fails(78, [*train, packed, "--image-size", "64", *out], packed, "32x32x1",
                          "64x64x1")
        self.assert_fails(78, [*train, packed, "--batch-size", "65", *out], "64", "65")
        self.assert_fails(78, [*train, packed, "--cache", "x", *out], "--cache", "packed")
        self.assert_fails(74, [*train, self.folder / "none", *out], "none: not found")
        self.assert_fails(65, [*train, self.folder, *out], self.folder, "a folder")
        packed.write_bytes(packed.read_bytes()[:-1])
        self.assert_fails(65, [*train, packed, *out], packed, "offset 16", "the file has")
        self.assertFalse((self.folder / "out").exists())


    def test_a_file_that_is_cut_while_in_use_is_named(self):
        packed = self.folder / "x.packed"
        self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "4000", "--out", packed)
        out = self.folder / "out"
        with Running(*TINY, "--dataset", "packed", "--data", packed, "--log-every", "1", "--out",
                     out) as running:
            metrics = out / "metrics.jsonl"
            running.wait_for(lambda: metrics.exists() and metrics.stat().st_size > 0)
            os.truncate(packed, 8192)
            code, errors = running.end()
        self.assertEqual(code, 74, errors)
        self.assertIn(f"dcgan: {packed}: cannot be read any more", errors.splitlines()[-1])


class Ranks(ProgramTest):
    def test_ranks_share_the_pages_of_the_file(self):
        packed = self.folder / "x.packed"
        self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "4000", "--out", packed)
        with RunningRanks(*RANKS, "--ranks", "2", "--dataset", "packed", "--data", packed,
                          "--epochs", "0", "--out", self.folder / "out") as running:
            pids = running.pids(2)
            if not mapping_of(os.getpid(), "[heap]"):
                self.skipTest("/proc/PID/smaps does not tell of mappings")
            whole = packed.stat().st_size // 1024 * 9 // 10
            running.wait_for(lambda: all(mapping_of(pid, packed).get("Rss", 0) > whole
                                         for pid in pids), 100)
            for pid in pids:
                sizes = mapping_of(pid, packed)
                self.assertGreater(sizes["Shared_Clean"] + sizes["Shared_Dirty"], whole)
                self.assertLess(sizes["Pss"], 0.6 * sizes["Rss"])
                self.assertEqual(sizes.get("Private_Dirty"), 0)  # nothing is copied
            running.process.send_signal(signal.SIGTERM)
            self.assertEqual(running.end()[0], 75)

    def test_ranks_with_other_pixels_are_told_before_the_first_step(self):
        for name, seed in [("a", 1), ("b", 2)]:
            self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "64", "--seed", seed,
                        "--out", self.folder / name)
        ended = run_ranks([0, 1], lambda rank: [*RANKS, "--dataset", "packed", "--data",
                                                self.folder / "ab"[rank], "--steps", "2", "--out",
                                                self.folder / "out"])
        for code, errors in ended:
            self.assertEqual(code, 78, errors)
            self.assertIn("contents of the data set", errors)

    def test_two_ranks_train_as_from_the_source(self):
        packed = self.folder / "x.packed"
        self.run_ok("pack", "--preset", "mnist32", "--strokes-count", "64", "--out", packed)
        for name, data in [("source", []), ("packed", ["--dataset", "packed", "--data", packed])]:
            self.run_ok("train", *RANKS, "--ranks", "2", "--steps", "5", *data, "--out",
                        self.folder / name)
        self.assert_same_tensors(checkpoint(self.folder / "source", 5),
                                 checkpoint(self.folder / "packed", 5))


if __name__ == "__main__":
    unittest.main()

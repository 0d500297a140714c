"""What is taken of a folder of pictures, what is said of the rest, and the same data at resume."""

import struct
import unittest
import zlib

from support import CPU, NETWORK, ROOT, ProgramTest, checkpoint, run, same_bytes

FOLDER = ["train", *NETWORK, *CPU, "--batch-size", "4", "--epochs", "0", "--dataset", "folder"]


def png(seed, size=32):
    """A grey picture that differs with the seed."""
    rows = b"".join(b"\0" + bytes((x * 7 + y * 5 + seed * 31) % 256 for x in range(size))
                    for y in range(size))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class DataFolder(ProgramTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir()
        for number in range(12):
            (self.data / f"{number:02}.png").write_bytes(png(number))

    def arguments(self, *more):
        return [*FOLDER, "--data", self.data, *more]

    def test_a_run_inside_its_data_trains_on_the_same_pictures_when_resumed(self):
        inside, outside = self.data / "out", self.folder / "out"
        for out in [inside, outside]:
            self.run_ok(*self.arguments("--out", out, "--steps", "2"))
            done = self.run_ok("train", "--resume", out, "--steps", "4")
            self.assertIn("12 images 32x32x1", done.stderr)
        self.assertTrue(same_bytes(checkpoint(inside, 4) / "generator.safetensors",
                                   checkpoint(outside, 4) / "generator.safetensors"))

    def test_what_is_left_out_is_told_in_one_line_and_refused_when_strict(self):
        (self.data / "._00.png").write_bytes(b"\0\5\26\7")
        (self.data / "list.csv").write_text("00.png,1\n")
        arguments = self.arguments("--out", self.folder / "out", "--steps", "1")
        done = self.run_ok(*arguments)
        self.assertIn("data: left out: 1 with hidden or system names (._00.png); "
                      "1 of no picture format (list.csv)\n", done.stderr)
        strict = [*arguments[:-4], "--strict", "--out", self.folder / "strict", "--steps", "1"]
        self.assert_fails(65, strict, "--strict", "1 of no picture format (list.csv)")
        (self.data / "list.csv").unlink()
        self.run_ok(*strict)

    def test_pictures_of_every_format_are_taken_by_their_contents(self):
        for path in (ROOT / "tests/runtime/io/image/cases").iterdir():
            if path.suffix not in [".py", ".txt"]:
                (self.data / path.name).write_bytes(path.read_bytes())
        (self.data / "webp.jpg").write_bytes((self.data / "rgb.webp").read_bytes())
        (self.data / "without_ending").write_bytes((self.data / "rgb.ppm").read_bytes())
        arguments = self.arguments("--strict", "--out", self.folder / "out", "--steps", "1")
        done = run(*arguments)
        if done.returncode == 69 and "this program was built without" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{12 + 33 + 2} images 32x32x1", done.stderr)

    def test_other_data_at_resume_are_refused_until_the_change_is_allowed_each_time(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments("--out", out, "--steps", "2"))
        resume = ["train", "--resume", out, "--steps"]
        (self.data / "03.png").rename(self.data / "03_.png")  # the same pixels in the same order
        self.run_ok(*resume, "3")
        (self.data / "11.png").unlink()
        self.assert_fails(78, [*resume, "4"], "11 images", "12 images", "--allow-data-change")
        (self.data / "11.png").write_bytes(png(99))  # as many, but another
        self.assert_fails(78, [*resume, "4"], "XXH3-128", "--allow-data-change")
        self.run_ok(*resume, "4", "--allow-data-change")
        self.run_ok(*resume, "5")  # that is the run's data now
        (self.data / "11.png").write_bytes(png(11))
        self.assert_fails(78, [*resume, "6"], "--allow-data-change")

    def test_a_cache_gives_the_same_data(self):
        out, cache = self.folder / "out", self.folder / "data.cache"
        self.run_ok(*self.arguments("--out", out, "--steps", "2"))
        for steps in ["3", "4"]:  # writes the cache, then reads it
            self.run_ok("train", "--resume", out, "--cache", cache, "--steps", steps)


if __name__ == "__main__":
    unittest.main()

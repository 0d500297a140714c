"""Drawing from a trained generator: the same image for the same seed, whatever else is asked."""

import os
import struct
import unittest

from support import CPU, NETWORK, ProgramTest, checkpoint, png_chunks, png_size, same_bytes


class Trained(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.train("out", "--steps", "20", "--lr", "0.002")

    def command(self, name, result, *arguments):
        """Runs sample or interpolate; a string ending in / stays one."""
        target = f"{self.folder}/{result}"
        self.run_ok(name, "--checkpoint", self.out, *CPU, "--out", target, *arguments)
        return self.folder / result


class Sample(Trained):
    def test_an_image_depends_on_the_seed_and_its_number_alone(self):
        folders = {n: self.command("sample", f"n{n}/", "--n", n, "--seed", "3")
                   for n in [1, 5, 64, 70]}
        for n, folder in folders.items():
            names = sorted(path.name for path in folder.iterdir())
            self.assertEqual(names, [f"{i:06}.png" for i in range(n)])
            for name in names:
                self.assertTrue(same_bytes(folder / name, folders[70] / name), (n, name))
        images = {path.read_bytes() for path in folders[70].iterdir()}
        self.assertGreater(len(images), 60)  # and they are not all one image

    def test_the_number_of_threads_changes_nothing(self):
        one = self.command("sample", "one.npy", "--n", "9")
        two = self.command("sample", "two.npy", "--n", "9", "--threads", "2")
        self.assertTrue(same_bytes(one, two))

    def test_another_seed_draws_other_images(self):
        one = self.command("sample", "one.png", "--seed", "1")
        self.assertTrue(same_bytes(one, self.command("sample", "again.png", "--seed", "1")))
        self.assertFalse(same_bytes(one, self.command("sample", "other.png", "--seed", "2")))

    def test_a_grid_has_the_columns_asked_for(self):
        two = png_size(self.command("sample", "two.png", "--n", "6", "--columns", "2"))
        three = png_size(self.command("sample", "three.png", "--n", "6", "--columns", "3"))
        self.assertEqual(two, tuple(reversed(three)))
        self.assertGreaterEqual(two[1], 3 * 32)

    def test_a_single_image_has_no_frame(self):
        one = self.command("sample", "one.png", "--n", "1")
        self.assertEqual(png_size(one), (32, 32))
        self.assertTrue(same_bytes(one, self.command("sample", "all/", "--n", "2") / "000000.png"))

    def test_an_npy_holds_the_bytes_of_all_images(self):
        data = self.command("sample", "images.npy", "--n", "5").read_bytes()
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        length = struct.unpack("<H", data[8:10])[0]
        header = eval(data[10:10 + length], {"__builtins__": {}})  # a Python literal by definition
        self.assertEqual(header, {"descr": "|u1", "fortran_order": False, "shape": (5, 32, 32, 1)})
        self.assertEqual(len(data), 10 + length + 5 * 32 * 32)

    def test_an_unknown_ending_exits_2_before_any_work(self):
        self.assert_fails(2, ["sample", "--checkpoint", self.folder / "none", "--out", "x.gif"],
                          "x.gif", ".png", ".npy")

    def test_a_bare_generator_draws_what_its_checkpoint_draws(self):
        whole = self.command("sample", "whole.png", "--n", "4")
        bare = self.folder / "bare.png"
        file = checkpoint(self.out, 20) / "generator.safetensors"
        self.run_ok("sample", "--generator", file, *NETWORK, *CPU, "--n", "4", "--out", bare)
        self.assertTrue(same_bytes(whole, bare))
        self.assert_fails(65, ["sample", "--generator", file, *CPU, "--out", bare], "main.0.weight",
                          file)

    def test_an_average_is_sampled_where_there_is_one(self):
        averaged = self.train("averaged", "--steps", "20", "--lr", "0.002", "--ema-decay", "0.9")
        file = checkpoint(averaged, 20) / "generator_ema.safetensors"
        one, two, plain = (self.folder / name for name in ["one.png", "two.png", "plain.png"])
        self.run_ok("sample", "--checkpoint", averaged, *CPU, "--out", one)
        self.run_ok("sample", "--generator", file, *NETWORK, *CPU, "--out", two)
        self.assertTrue(same_bytes(one, two))
        self.run_ok("sample", "--generator", file.with_name("generator.safetensors"), *NETWORK,
                    *CPU, "--out", plain)
        self.assertFalse(same_bytes(one, plain))

    def test_a_negative_seed_is_refused(self):
        self.assert_fails(78, ["sample", "--checkpoint", self.out, *CPU, "--seed", "-1"], "-1")

    def test_without_a_checkpoint_or_a_file_the_command_line_is_refused(self):
        self.assert_fails(2, ["sample", *CPU, "--out", self.folder / "x.png"], "--checkpoint",
                          "--generator")

    def test_a_damaged_newest_checkpoint_is_passed_over_with_one_warning(self):
        older = self.command("sample", "older.png", "--n", "4")
        self.train("out", "--steps", "30", "--lr", "0.002", "--resume", self.out)
        with open(checkpoint(self.out, 30) / "optimizer.safetensors", "r+b") as file:
            file.truncate(100)
        result = self.folder / "result.png"
        done = self.run_ok("sample", "--checkpoint", self.out, *CPU, "--n", "4", "--out", result)
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(warnings), 1, done.stderr)
        self.assertIn("step_00000030", warnings[0])
        self.assertTrue(same_bytes(result, older))

    def test_where_the_precision_cannot_be_computed_fp32_is_with_a_warning(self):
        # oneDNN as on a processor without bf16, wherever the test runs; TF32 no processor has.
        older_processor = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
        expected, result, config = (self.folder / name
                                    for name in ["fp32.png", "other.png", "config.json"])
        arguments = ["sample", "--checkpoint", self.out, *CPU, "--n", "4", "--out"]
        done = self.run_ok(*arguments, expected, env=older_processor)
        self.assertNotIn("warning", done.stderr)
        for precision in ["bf16", "tf32"]:
            config.write_text(f'{{"precision": "{precision}"}}')
            done = self.run_ok(*arguments, result, "--config", config, env=older_processor)
            self.assertEqual(done.stderr.count("warning: "), 1, done.stderr)
            self.assertIn(f"fp32 instead of {precision}", done.stderr)
            self.assertTrue(same_bytes(result, expected), precision)


class Interpolate(Trained):
    def test_an_interpolation_is_an_animated_png_of_points_times_frames_pictures(self):
        animation = self.command("interpolate", "i.png", "--points", "3", "--frames", "4",
                                 "--walks", "2", "--delay-ms", "50")
        chunks = list(png_chunks(animation))
        control = [contents for kind, contents in chunks if kind == "acTL"]
        self.assertEqual(len(control), 1)
        self.assertEqual(struct.unpack(">II", control[0]), (12, 0))  # pictures; for ever
        frames = [contents for kind, contents in chunks if kind == "fcTL"]
        self.assertEqual(len(frames), 12)
        for contents in frames:
            numerator, denominator = struct.unpack(">HH", contents[20:24])
            self.assertAlmostEqual(numerator / denominator, 0.05)
        self.assertEqual(chunks[-1][0], "IEND")

    def test_another_ending_is_refused(self):
        self.assert_fails(2, ["interpolate", "--checkpoint", self.folder, "--out", "walk.gif"],
                          "walk.gif", ".png")

    def test_the_same_seed_interpolates_the_same_way(self):
        short = ["--points", "2", "--frames", "2", "--walks", "1"]
        one = self.command("interpolate", "one.png", *short, "--seed", "5")
        self.assertTrue(same_bytes(one, self.command("interpolate", "two.png", *short, "--seed",
                                                     "5")))
        self.assertFalse(same_bytes(one, self.command("interpolate", "three.png", *short, "--seed",
                                                      "6")))


if __name__ == "__main__":
    unittest.main()

"""Broken checkpoints, full disks, bad data, numbers that run away: said, and nothing lost."""

import gzip
import os
import pathlib
import resource
import shutil
import struct
import unittest

from support import (CPU, NETWORK, TINY, ProgramTest, Running, all_finite, checkpoint, fill_tensor,
                     run, steps_of)


class BrokenCheckpoints(ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.train("out", "--steps", "4", "--checkpoint-every", "2")
        self.straight = self.train("straight", "--steps", "6")

    def assert_older_one_is_used(self, *words):
        """Resuming passes over step 4, saying why, goes on from 2 and puts a good 4 in place."""
        done = run("train", "--resume", self.out, "--steps", "6", "--checkpoint-every", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        warning = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(warning), 1, done.stderr)
        for word in ["passed over", "step_00000004", *words]:
            self.assertIn(word, warning[0])
        self.assertIn("at step 2\n", done.stderr)
        self.assert_same_tensors(checkpoint(self.straight, 6), checkpoint(self.out, 6))
        again = run("train", "--resume", checkpoint(self.out, 4), "--steps", "4")
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_a_file_that_was_cut_short_is_passed_over_with_both_sizes(self):
        path = checkpoint(self.out, 4) / "optimizer.safetensors"
        size = path.stat().st_size
        os.truncate(path, size - 1)
        self.assert_older_one_is_used("optimizer.safetensors", str(size), str(size - 1))

    def test_one_flipped_bit_is_seen(self):
        path = checkpoint(self.out, 4) / "generator.safetensors"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        self.assert_older_one_is_used("generator.safetensors", "XXH3")

    def test_a_missing_file_and_a_missing_manifest_are_seen(self):
        (checkpoint(self.out, 4) / "state.json").unlink()
        self.assert_older_one_is_used("state.json", "missing")

    def test_a_manifest_of_another_format_names_both(self):
        path = checkpoint(self.out, 4) / "manifest.json"
        path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
        self.assert_older_one_is_used("format 2", "format 1")

    def test_a_broken_checkpoint_that_is_named_is_refused(self):
        (checkpoint(self.out, 4) / "manifest.json").write_text("{")
        self.assert_fails(65, ["train", "--resume", checkpoint(self.out, 4)], "manifest.json")

    def test_when_none_is_whole_it_says_so(self):
        for step in [2, 4]:
            os.truncate(checkpoint(self.out, step) / "config.json", 0)
        self.assert_fails(65, ["sample", "--checkpoint", self.out], "none of its 2 checkpoints")

    def test_a_broken_later_checkpoint_does_not_push_out_the_good_ones(self):
        os.truncate(checkpoint(self.out, 4) / "state.json", 0)
        done = run("train", "--resume", self.out, "--steps", "3", "--keep", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(3, steps_of(self.out))
        self.run_ok("sample", "--checkpoint", self.out, *CPU, "--out", self.folder / "grid.png")


class Disk(ProgramTest):
    def test_a_file_size_limit_exits_74_and_keeps_the_older_checkpoint(self):
        out = self.train("out", "--steps", "2")
        largest = max(path.stat().st_size for path in checkpoint(out, 2).iterdir())
        limit = largest - 1000

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        self.assert_fails(74, ["train", "--resume", out, "--steps", "4"], "optimizer.safetensors",
                          largest, limit, preexec_fn=limited)
        self.assertEqual([path.name for path in (out / "checkpoints").iterdir()], ["step_00000002"])
        self.run_ok("train", "--resume", out, "--steps", "4")
        straight = self.train("straight", "--steps", "4")
        self.assert_same_tensors(checkpoint(straight, 4), checkpoint(out, 4))

    def test_what_a_checkpoint_needs_is_compared_with_the_limit_before_training(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        out = self.folder / "out"
        done = self.assert_fails(74, ["train", *TINY, "--ngf", "16", "--out", out], out,
                                 "optimizer.safetensors needs", "20000 bytes", preexec_fn=limited)
        self.assertNotIn("Loss_D", done.stdout)
        self.assertFalse((out / "checkpoints").exists())

    def test_a_limit_that_comes_later_keeps_the_older_checkpoint(self):
        out = self.folder / "out"
        with Running(*TINY, "--out", out, "--log-every", "1000000") as training:
            training.wait_for(lambda: (out / "losses.csv").exists())
            training.wait_for(lambda: training.cpu_seconds() > 0.5)
            resource.prlimit(training.process.pid, resource.RLIMIT_FSIZE, (5000, 5000))
            training.process.terminate()
            code, errors = training.end()
        self.assertEqual(code, 74, errors)
        self.assertIn("the file-size limit is 5000 bytes", errors)
        self.assertEqual(list((out / "checkpoints").iterdir()), [])

    def test_checkpoints_that_cannot_be_made_are_found_before_training(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "checkpoints").write_text("in the way")
        done = self.assert_fails(74, ["train", *TINY, "--out", out], "checkpoints")
        self.assertNotIn("Loss_D", done.stdout)
        self.assertEqual((out / "checkpoints").read_text(), "in the way")

    def test_a_name_that_is_too_long_for_a_checkpoint_is_found_before_training(self):
        out = self.folder / "x"
        while len(str(out)) < os.pathconf("/", "PC_PATH_MAX") - 300:
            out = out / ("x" * 100)
        # The folder can be made; checkpoints/step_00000000.tmp/discriminator.safetensors cannot.
        out = out / ("x" * (os.pathconf("/", "PC_PATH_MAX") - len(str(out)) - 60))
        done = self.assert_fails(74, ["train", *TINY, "--out", out], "File name too long")
        self.assertNotIn("Loss_D", done.stdout)

    def test_an_output_folder_that_cannot_be_made_exits_74_before_training(self):
        (self.folder / "file").write_text("in the way")
        self.assert_fails(74, ["train", *TINY, "--out", self.folder / "file" / "out"], "file")

    def test_a_folder_without_the_right_to_write_exits_74_before_training(self):
        if os.geteuid() == 0:
            self.skipTest("root may write anywhere")
        locked = self.folder / "locked"
        locked.mkdir(mode=0o555)
        self.addCleanup(locked.chmod, 0o755)
        self.assert_fails(74, ["train", *TINY, "--out", locked], locked)

    def test_results_that_cannot_be_written_exit_74(self):
        out = self.train("out", "--steps", "1")
        (self.folder / "file").write_text("in the way")
        for command in ["sample", "interpolate"]:
            self.assert_fails(74, [command, "--checkpoint", out, *CPU, "--out",
                                   self.folder / "file" / "x.png"], "file")


class BadData(ProgramTest):
    def idx(self, name, images, declared):
        """A MNIST file of `images` pictures whose header declares `declared`."""
        path = self.folder / name
        contents = struct.pack(">IIII", 2051, declared, 28, 28) + bytes(784 * images)
        path.write_bytes(gzip.compress(contents) if name.endswith(".gz") else contents)
        return path

    def train_on(self, path):
        return ["train", *NETWORK, *CPU, "--dataset", "mnist", "--data", path, "--batch-size", "8",
                "--steps", "1", "--out", self.folder / "out"]

    def test_a_truncated_mnist_file_exits_65_naming_file_and_offset(self):
        path = self.idx("train-images-idx3-ubyte", images=9, declared=10)
        self.assert_fails(65, self.train_on(path), path, "offset 16", 9 * 784, 10 * 784)
        self.assertFalse((self.folder / "out").exists())

    def test_a_truncated_gzip_file_exits_65_naming_it(self):
        path = self.idx("train-images-idx3-ubyte.gz", images=10, declared=10)
        os.truncate(path, path.stat().st_size - 6)
        self.assert_fails(65, self.train_on(path), path)

    def test_a_whole_file_trains(self):
        path = self.idx("train-images-idx3-ubyte.gz", images=10, declared=10)
        self.run_ok(*self.train_on(path))

    def test_a_data_set_that_is_not_there_is_named(self):
        self.assert_fails(74, self.train_on(self.folder / "none"), "none", "not found")

    def test_an_empty_folder_exits_78(self):
        (self.folder / "empty").mkdir()
        self.assert_fails(78, ["train", *NETWORK, *CPU, "--dataset", "folder", "--data",
                               self.folder / "empty", "--out", self.folder / "out"], "empty")

    def test_a_picture_that_cannot_be_decoded_stops_or_is_listed(self):
        pictures = self.folder / "pictures"
        done = self.train("seed", "--steps", "1")
        pictures.mkdir()
        for number in range(9):
            shutil.copy(done / "real.png", pictures / f"{number}.png")
        (pictures / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
        arguments = ["train", *NETWORK, *CPU, "--dataset", "folder", "--data", pictures,
                     "--batch-size", "8", "--steps", "1", "--out", self.folder / "out"]
        self.assert_fails(65, arguments, "bad.png")
        done = self.run_ok(*arguments, "--on-corrupt", "skip")
        self.assertIn("bad.png", done.stderr)
        self.assertIn("9 images", done.stderr)


class Divergence(ProgramTest):
    def huge_generator(self):
        source = checkpoint(self.train("source", "--steps", "1"), 1) / "generator.safetensors"
        path = pathlib.Path(shutil.copy(source, self.folder / "huge.safetensors"))
        fill_tensor(path, "main.0.weight", 3e38)
        return path

    def test_a_number_that_is_not_finite_exits_80_and_nothing_is_saved(self):
        path = self.huge_generator()
        self.assert_fails(80, ["train", *TINY, "--steps", "3", "--netG", path, "--out",
                               self.folder / "out"], "diverged", "step 1", "none")
        self.assertFalse((self.folder / "out/checkpoints").exists())

    def test_the_last_good_checkpoint_is_kept_and_named(self):
        # Without epsilon and memory a step divides the first moment by the gradient's size, and
        # the hinge loss has no gradient once every image is on its side: x / 0, after some steps.
        out = self.folder / "out"
        done = self.assert_fails(80, ["train", *TINY, "--steps", "500", "--loss", "hinge", "--lr",
                                      "0.01", "--beta2", "0", "--epsilon", "0", "--log-every",
                                      "1000", "--checkpoint-every", "1", "--out", out], "diverged")
        last = steps_of(out)[-1]
        self.assertGreater(last, 1)
        self.assertIn(f"step {last + 1}:", done.stderr)
        self.assertTrue(done.stderr.endswith(f"{checkpoint(out, last)}\n"), done.stderr)
        for name in ["generator.safetensors", "discriminator.safetensors", "optimizer.safetensors"]:
            self.assertTrue(all_finite(checkpoint(out, last) / name), name)
        self.run_ok("sample", "--checkpoint", out, *CPU, "--out", self.folder / "grid.png")


if __name__ == "__main__":
    unittest.main()

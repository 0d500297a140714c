"""What a training leaves behind, and what ends it."""

import csv
import json
import re
import unittest

from support import (TENSOR_FILES, TINY, ProgramTest, checkpoint, png_size, run, safetensors_header,
                     same_bytes, shared_or_skip, steps_of)


class Output(ProgramTest):
    def test_a_run_leaves_images_metrics_samples_and_a_checkpoint(self):
        out = self.train("out", "--steps", "10", "--log-every", "5", "--sample-every", "4",
                         "--sample-count", "16")
        self.assertEqual(sorted(path.name for path in out.iterdir()),
                         ["checkpoints", "losses.csv", "metrics.jsonl", "real.png", "samples",
                          "samples.png", "summary.json"])
        self.assertEqual(sorted(path.name for path in (out / "samples").iterdir()),
                         ["step_00000001.png", "step_00000002.png", "step_00000004.png",
                          "step_00000008.png"])
        self.assertEqual(png_size(out / "samples.png"), png_size(out / "samples/step_00000004.png"))
        self.assertEqual(steps_of(out), [10])
        self.assertEqual(sorted(path.name for path in checkpoint(out, 10).iterdir()),
                         sorted(TENSOR_FILES + ["config.json", "manifest.json", "state.json"]))

    def test_the_manifest_lists_every_other_file_with_size_and_hash(self):
        folder = checkpoint(self.train("out", "--steps", "2", "--ema-decay", "0.9"), 2)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual(manifest["format"], 1)
        present = {path.name for path in folder.iterdir()} - {"manifest.json"}
        self.assertIn("generator_ema.safetensors", present)
        self.assertEqual(set(manifest["files"]), present)
        for name, file in manifest["files"].items():
            self.assertEqual(file["bytes"], (folder / name).stat().st_size, name)
            self.assertRegex(file["xxh3_128"], "^[0-9a-f]{32}$")
        # Equal contents have equal hashes, others have not.
        again = checkpoint(self.train("again", "--steps", "2", "--ema-decay", "0.9"), 2)
        other = json.loads((again / "manifest.json").read_text())["files"]
        for name in TENSOR_FILES:
            self.assertEqual(manifest["files"][name], other[name])
        hashes = [file["xxh3_128"] for file in manifest["files"].values()]
        self.assertEqual(len(set(hashes)), len(hashes))

    def test_tensors_carry_the_names_and_shapes_of_the_pytorch_example(self):
        folder = checkpoint(self.train("out", "--steps", "1"), 1)
        generator, _ = safetensors_header(folder / "generator.safetensors")
        self.assertEqual(generator["main.0.weight"]["shape"], [8, 16, 4, 4])
        self.assertEqual(generator["main.9.weight"]["shape"], [4, 1, 4, 4])
        self.assertEqual(generator["main.1.num_batches_tracked"]["dtype"], "I64")
        optimizer, _ = safetensors_header(folder / "optimizer.safetensors")
        for name in ["G.main.0.weight.exp_avg", "D.main.0.weight.exp_avg_sq", "G.step", "D.step"]:
            self.assertIn(name, optimizer)

    def test_metrics_and_losses_hold_the_same_figures_and_the_log_the_example_s_line(self):
        done = self.run_ok("train", *TINY, "--steps", "10", "--log-every", "5", "--out",
                           self.folder / "out")
        lines = [json.loads(line) for line in
                 (self.folder / "out/metrics.jsonl").read_text().splitlines()]
        with open(self.folder / "out/losses.csv", encoding="ascii", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([line["step"] for line in lines], [1, 5, 10])
        self.assertEqual([{key: float(value) for key, value in row.items()} for row in rows],
                         [{key: float(value) for key, value in line.items()} for line in lines])
        printed = done.stdout.splitlines()
        self.assertEqual(len(printed), 3)
        for line in printed:
            self.assertRegex(line, r"^\[\d+/2\]\[\d+/8\] Loss_D: \S+ Loss_G: \S+ D\(x\): \S+ "
                                   r"D\(G\(z\)\): \S+ / \S+")
        self.assertNotIn("\r", done.stderr)  # no bar where there is no terminal

    def test_a_summary_says_how_the_run_ended(self):
        def summary():
            return json.loads((out / "summary.json").read_text())
        out = self.train("out", "--steps", "3", "--log-every", "1")
        first = summary()
        line = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
        for name in ["step", "epoch", "errD", "errG", "D_x", "accuracy", "trained_seconds"]:
            self.assertEqual(first[name], line[name], name)
        self.assertEqual((first["reason"], first["exit_code"], first["error"]), ("steps", 0, None))
        self.assertEqual(first["checkpoint"], str(checkpoint(out, 3)))
        self.assertEqual(first["samples"], str(out / "samples.png"))
        self.run_ok("train", "--resume", out, "--steps", "0", "--epochs", "1")
        self.assertEqual((summary()["reason"], summary()["step"]), ("epochs", 8))

    def test_a_summary_of_a_run_that_diverged_has_the_error_and_the_last_checkpoint(self):
        out = self.folder / "out"
        done = self.assert_fails(80, ["train", *TINY, "--steps", "500", "--loss", "hinge", "--lr",
                                      "0.01", "--beta2", "0", "--epsilon", "0", "--log-every",
                                      "1000", "--checkpoint-every", "1", "--out", out], "step")
        summary = json.loads((out / "summary.json").read_text())
        self.assertEqual((summary["reason"], summary["exit_code"]), ("diverged", 80))
        self.assertIn(summary["error"], done.stderr)
        self.assertEqual(summary["checkpoint"], str(checkpoint(out, steps_of(out)[-1])))
        self.assertIsNone(summary["samples"])

    def test_a_log_line_has_the_figures_of_the_metrics(self):
        done = self.run_ok("train", *TINY, "--steps", "1", "--out", self.folder / "out")
        record = json.loads((self.folder / "out/metrics.jsonl").read_text())
        self.assertAlmostEqual(record["errD"], record["errD_real"] + record["errD_fake"], places=5)
        loss = re.search(r"Loss_D: (\S+)", done.stdout).group(1)
        self.assertEqual(loss, f"{record['errD']:.4f}")

    def test_keep_says_how_many_checkpoints_stay(self):
        every = ["--steps", "10", "--checkpoint-every", "2"]
        self.assertEqual(steps_of(self.train("default", *every)), [6, 8, 10])
        self.assertEqual(steps_of(self.train("one", *every, "--keep", "1")), [10])
        self.assertEqual(steps_of(self.train("all", *every, "--keep", "0")), [2, 4, 6, 8, 10])

    def test_a_fresh_run_shows_its_own_real_images(self):
        out = self.train("out", "--steps", "1", "--seed", "1")
        other = self.train("other", "--steps", "1", "--seed", "2")
        (other / "real.png").write_bytes((out / "real.png").read_bytes())
        for path in (other / "checkpoints").iterdir():
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        self.train("other", "--steps", "1", "--seed", "2")
        self.assertFalse(same_bytes(other / "real.png", out / "real.png"))

    def test_every_loss_and_optimiser_trains(self):
        for arguments in [["--loss", "minimax"], ["--loss", "lsgan"], ["--loss", "hinge"],
                          ["--loss", "wgan", "--weight-clip", "0.01", "--optimizer", "rmsprop"],
                          ["--latent", "uniform"], ["--real-label", "0.9", "--fake-label", "0.1"]]:
            with self.subTest(arguments=arguments):
                self.train("-".join(arguments), "--steps", "2", *arguments)


class Ends(ProgramTest):
    def ending(self, *arguments):
        done = self.run_ok("train", *TINY, "--out", self.folder / "out", *arguments)
        return done.stderr.splitlines()[-1]

    def test_epochs_end_it(self):
        last = self.ending("--epochs", "3")
        self.assertIn("all epochs done at step 24", last)

    def test_steps_end_it_before_the_epochs_do(self):
        self.assertIn("all steps done at step 5", self.ending("--epochs", "3", "--steps", "5"))

    def test_the_time_ends_it(self):
        self.assertIn("time limit reached", self.ending("--max-seconds", "0.2"))

    def test_an_equilibrium_within_a_wide_margin_ends_it_and_can_be_overruled(self):
        wide = ["--stop-at-equilibrium", "--equilibrium-margin", "0.5", "--equilibrium-steps", "7"]
        self.assertIn("equilibrium reached at step 7", self.ending(*wide, "--steps", "50"))
        done = self.run_ok("train", "--resume", self.folder / "out", "--no-stop-at-equilibrium",
                           "--steps", "12")
        self.assertIn("all steps done at step 12", done.stderr)

    def test_a_narrow_margin_does_not_end_it_at_once(self):
        last = self.ending("--stop-at-equilibrium", "--equilibrium-margin", "0",
                           "--equilibrium-steps", "7", "--steps", "20")
        self.assertIn("all steps done at step 20", last)


class RealData(ProgramTest):
    def test_mnist_trains_the_libtorch_network(self):
        data = shared_or_skip(self, "data", "mnist")
        out = self.folder / "out"
        done = run("train", "--preset", "libtorch", "--ngf", "4", "--ndf", "4", "--nz", "8",
                   "--dataset", "mnist", "--data", data, "--batch-size", "8", "--steps", "2",
                   "--device", "cpu", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("60000 images 28x28x1", done.stderr)
        self.assertTrue((out / "samples.png").exists())

    def test_a_folder_of_pictures_trains_and_a_cache_changes_nothing(self):
        data = shared_or_skip(self, "data", "cartoonset_samples")
        arguments = ["--preset", "cifar32", "--ngf", "4", "--ndf", "4", "--nz", "8", "--dataset",
                     "folder", "--dataroot", data, "--batch-size", "8", "--steps", "2", "--device",
                     "cpu", "--threads", "1", "--cache", self.folder / "cache"]
        self.run_ok("train", *arguments, "--out", self.folder / "one")
        self.assertTrue((self.folder / "cache").exists())
        self.run_ok("train", *arguments, "--out", self.folder / "two")
        self.assert_same_tensors(checkpoint(self.folder / "one", 2),
                                 checkpoint(self.folder / "two", 2))


if __name__ == "__main__":
    unittest.main()

"""Options: PyTorch's names, files of options, and every contradiction refused with its figures."""

import json
import os
import subprocess
import unittest

from support import CPU, NETWORK, PROGRAM, TINY, ProgramTest, checkpoint, run


def config_of(test, *arguments, **options):
    return json.loads(test.run_ok("train", *arguments, "--print-config", **options).stdout)


class PyTorchNames(ProgramTest):
    def test_each_of_them_sets_the_option_it_stands_for(self):
        config = config_of(
            self, "--dataset", "folder", "--dataroot", "faces", "--batchSize", "12", "--imageSize",
            "128", "--niter", "7", "--manualSeed", "9", "--outf", "there", "--netG", "g.st",
            "--netD", "d.st", "--workers", "2", "--classes", "cats,dogs", "--ngpu", "0")
        for name, value in {
                "dataset": "folder", "data": "faces", "batch-size": 12, "image-size": 128,
                "epochs": 7, "seed": 9, "out": "there", "init-generator": "g.st",
                "init-discriminator": "d.st", "workers": 2, "classes": ["cats", "dogs"],
                "device": "cpu"}.items():
            self.assertEqual(config[name], value, name)

    def test_underscores_and_the_flag_cuda_are_understood(self):
        config = config_of(self, "--batch_size", "3", "--log_every=5", "--cuda", "--out", "my_run")
        self.assertEqual([config[name] for name in ["batch-size", "log-every", "device", "out"]],
                         [3, 5, "cuda", "my_run"])

    def test_a_dry_run_trains_one_step_and_leaves_everything(self):
        for _ in range(2):  # a second one replaces the first
            out = self.train("out", "--dry-run")
        self.assertTrue((checkpoint(out / "dry-run", 1) / "manifest.json").exists())
        self.assertTrue((out / "dry-run" / "samples.png").exists())
        self.assertEqual([path.name for path in out.iterdir()], ["dry-run"])
        self.train("out", "--steps", "1")  # and the real run may follow

    def test_a_generator_of_one_run_starts_another(self):
        first = checkpoint(self.train("first", "--steps", "3"), 3)
        # A learning rate of almost nothing: what the second run saves is what it began with.
        out = self.train("second", "--steps", "1", "--lr", "1e-30", "--netG",
                         first / "generator.safetensors", "--netD",
                         first / "discriminator.safetensors")
        other = self.train("third", "--steps", "1", "--lr", "1e-30")
        began = self.weights(checkpoint(out, 1))
        self.assertEqual(began, self.weights(first))
        self.assertNotEqual(began, self.weights(checkpoint(other, 1)))

    def weights(self, folder):
        """The first convolution's bytes: no running statistics, which do move."""
        data = (folder / "generator.safetensors").read_bytes()
        length = int.from_bytes(data[:8], "little")
        first, last = json.loads(data[8:8 + length])["main.0.weight"]["data_offsets"]
        return data[8 + length + first:8 + length + last]


class ConfigFile(ProgramTest):
    ODD = ["--preset", "mnist32", "--lr", "0.00012345678901234567", "--ema-decay", "0.999",
           "--flip", "--classes", "b,a", "--dataset", "folder", "--data",
           "with space/and \u00e9", "--seed", "9007199254740993", "--epsilon", "1e-12"]

    def test_what_is_printed_as_a_file_gives_the_same_again(self):
        printed = self.run_ok("train", *self.ODD, "--print-config").stdout
        path = self.folder / "config.json"
        path.write_text(printed, encoding="utf-8")
        again = self.run_ok("train", "--config", path, "--print-config").stdout
        self.assertEqual(again, printed)
        config = json.loads(printed)
        self.assertEqual(config["seed"], 9007199254740993)  # 2^53 + 1: not through a double
        self.assertEqual(config["data"], "with space/and \u00e9")
        self.assertEqual(config["lr"], 0.00012345678901234567)

    def test_the_command_line_wins_over_the_file_also_to_switch_something_off(self):
        path = self.folder / "config.json"
        path.write_text('{"lr": 0.5, "flip": true}', encoding="utf-8")
        config = config_of(self, "--config", path, "--lr", "0.25", "--no-flip")
        self.assertEqual((config["lr"], config["flip"]), (0.25, False))
        self.assertTrue(config_of(self, "--config", path)["flip"])

    def test_of_epochs_and_steps_the_one_that_is_named_last_and_alone_is_the_limit(self):
        def limits(*arguments):
            config = config_of(self, *arguments)
            return config["epochs"], config["steps"]
        path = self.folder / "config.json"
        path.write_text('{"epochs": 7}', encoding="utf-8")
        self.assertEqual(limits(), (25, 0))
        self.assertEqual(limits("--steps", "9000"), (0, 9000))
        self.assertEqual(limits("--steps", "9000", "--epochs", "3"), (3, 9000))
        self.assertEqual(limits("--config", path), (7, 0))
        self.assertEqual(limits("--config", path, "--steps", "9000"), (0, 9000))
        out = self.train("out", "--epochs", "0", "--steps", "2")
        self.assertEqual(limits("--resume", out, "--epochs", "3"), (3, 0))

    def test_values_that_follow_others_are_printed_and_saved_as_they_are(self):
        config = config_of(self)
        self.assertEqual([config[name] for name in ["preset", "image-size", "channels", "nz", "ngf",
                                                    "ndf", "lr-g", "lr-d"]],
                         ["pytorch", 64, 3, 100, 64, 64, 2e-4, 2e-4])
        config = config_of(self, "--lr", "0.5", "--lr-d", "0.25", "--nz", "7")
        self.assertEqual([config[name] for name in ["nz", "lr-g", "lr-d"]], [7, 0.5, 0.25])
        saved = json.loads((checkpoint(self.train("out", "--steps", "1"), 1) / "config.json")
                           .read_text())
        self.assertEqual([saved[name] for name in ["image-size", "channels", "nz", "lr-g"]],
                         [32, 1, 8, 2e-4])
        # To name what has been in effect all the time is no change.
        self.run_ok("train", "--resume", self.folder / "out", "--steps", "2", "--image-size", "32",
                    "--lr-d", "0.0002")

    def test_the_data_set_chooses_the_preset_when_none_is_named(self):
        for arguments, preset, image in [
                ([], "pytorch", [64, 3]),
                (["--dataset", "mnist", "--data", "x"], "mnist32", [32, 1]),
                (["--dataset", "cifar10", "--data", "x"], "cifar32", [32, 3]),
                (["--dataset", "cifar100", "--data", "x"], "cifar32", [32, 3]),
                (["--dataset", "folder", "--data", "x"], "pytorch", [64, 3]),
                (["--dataset", "mnist", "--data", "x", "--preset", "libtorch"], "libtorch",
                 [28, 1])]:
            config = config_of(self, *arguments)
            self.assertEqual((config["preset"], [config["image-size"], config["channels"]]),
                             (preset, image))

    def test_a_bad_file_is_refused_naming_what_is_wrong(self):
        path = self.folder / "config.json"
        for text, words in [("{", ["JSON"]), ("[]", ["object"]), ('{"lrr": 1}', ["lrr"]),
                            ('{"lr": "1"}', ["lr"]), ('{"steps": 1.5}', ["steps", "1.5"]),
                            ('{"lr": 1, "lr": 2}', ["lr", "twice"]),
                            ('{"steps": 18446744073709551616}', ["steps"]),
                            ('{"loss": "l2"}', ["l2", "hinge"])]:
            with self.subTest(text=text):
                path.write_text(text, encoding="utf-8")
                self.assert_fails(78, ["train", "--config", path], "config.json", *words)
        self.assert_fails(74, ["train", "--config", self.folder / "none.json"], "none.json")

    def test_a_locale_with_a_decimal_comma_changes_nothing(self):
        german = dict(os.environ, LC_ALL="de_DE.UTF-8", LANG="de_DE.UTF-8")
        self.assertEqual(self.run_ok("train", *self.ODD, "--print-config", env=german).stdout,
                         self.run_ok("train", *self.ODD, "--print-config").stdout)
        here = self.train("here", "--steps", "2", "--log-every", "1")
        there = self.train("there", "--steps", "2", "--log-every", "1", env=german)
        self.assert_same_tensors(checkpoint(here, 2), checkpoint(there, 2))
        for line in (there / "losses.csv").read_text().splitlines():
            self.assertEqual(line.count(","), 11, line)


class Contradictions(ProgramTest):
    def test_each_exits_78_with_the_figures(self):
        for arguments, words in [
                (["--preset", "foo"], ["foo", "mnist32"]),
                (["--image-size", "48"], ["48", "32", "256"]),
                (["--preset", "libtorch", "--image-size", "32"], ["28", "32"]),
                (["--channels", "2"], ["2"]),
                (["--nz", "-1"], ["-1"]),
                (["--batch-size", "0"], ["0"]),
                (["--lr", "-1"], ["--lr", "-1"]),
                (["--beta1", "1"], ["--beta1", "1"]),
                (["--real-label", "1.5"], ["--real-label", "1.5"]),
                (["--seed", "-3"], ["--seed", "-3"]),
                (["--log-every", "0"], ["--log-every", "0"]),
                (["--loss", "wgan", "--real-label", "0.9"], ["--real-label", "wgan"]),
                (["--loss", "hinge", "--fake-label", "0.1"], ["--fake-label", "hinge"]),
                (["--loss", "wgan", "--stop-at-equilibrium"], ["--stop-at-equilibrium"]),
                (["--weight-clip", "0.01"], ["--weight-clip", "non-saturating"]),
                (["--dataset", "mnist"], ["--data"]),
                (["--classes", "a"], ["--classes", "strokes"]),
                (["--data", "faces"], ["--data faces", "--dataset", "folder"]),
                (["--nz", "1000000000000"], ["1000000000000", "65536"]),
                (["--batch-size", "1000000000000"], ["--batch-size", "1000000000000"]),
                (["--sample-count", "1000000000000"], ["--sample-count", "1000000000000"]),
                (["--epochs", "9000000000000000000"], ["--epochs", "9000000000000000000"]),
                (["--threads", "100000"], ["--threads", "100000"]),
                (["--gpus", "0", "--device", "cuda"], ["--gpus 0", "cuda"]),
                (["--cuda", "--device", "cpu"], ["--cuda", "--device cpu"]),
                (["--resume", "x", "--netG", "y"], [])]:
            with self.subTest(arguments=arguments):
                code = 74 if "--resume" in arguments else 78  # there is no x
                self.assert_fails(code, ["train", "--out", self.folder / "out", *arguments], *words)
        self.assert_fails(69, ["train", "--out", self.folder / "out", "--gpus", "1000"],
                          "--gpus 1000", "this machine has")
        self.assertFalse((self.folder / "out").exists())

    def test_a_batch_larger_than_the_data_set_is_refused_with_both_counts(self):
        self.assert_fails(78, ["train", *NETWORK, *CPU, "--strokes-count", "64", "--batch-size",
                               "65", "--out", self.folder / "out"], "64", "65")
        self.assertFalse((self.folder / "out").exists())

    def test_an_output_folder_with_checkpoints_is_not_overwritten(self):
        out = self.train("out", "--steps", "1")
        before = (checkpoint(out, 1) / "manifest.json").read_bytes()
        self.assert_fails(78, ["train", *TINY, "--steps", "2", "--out", out], out, "--resume")
        self.assertEqual((checkpoint(out, 1) / "manifest.json").read_bytes(), before)

    def test_a_resumed_run_refuses_what_cannot_change_and_says_what_it_was(self):
        out = self.train("out", "--steps", "1")
        done = self.assert_fails(78, ["train", "--resume", out, "--lr", "0.1", "--batch-size", "4",
                                      "--ngf", "8", "--flip"], "--lr (0.1, was 0.0002)",
                                 "--batch-size (4, was 8)", "--ngf (8, was 4)", "--flip (true")
        self.assertNotIn("--steps", done.stderr)

    def test_a_dry_run_does_not_go_on_with_another_run(self):
        out = self.train("out", "--steps", "1")
        self.assert_fails(78, ["train", "--resume", out, "--dry-run"], "--dry-run")

    def test_resuming_from_nothing_exits_74_and_names_the_place(self):
        self.assert_fails(74, ["train", "--resume", self.folder / "none"], self.folder / "none")

    def test_resume_auto_begins_where_there_is_nothing_and_goes_on_where_there_is(self):
        first = self.train("out", "--steps", "2", "--resume", "auto")
        second = run("train", *TINY, "--steps", "4", "--resume", "auto", "--out", first)
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertIn("resumed from", second.stderr)
        self.assertTrue(checkpoint(first, 4).exists())

    def test_resume_auto_begins_anew_after_a_first_save_that_was_killed(self):
        (self.folder / "out/checkpoints/step_00000002.tmp").mkdir(parents=True)
        out = self.train("out", "--steps", "2", "--resume", "auto")
        self.assertEqual([path.name for path in (out / "checkpoints").iterdir()], ["step_00000002"])


class ClosedStandardOutput(ProgramTest):
    def test_a_reader_that_leaves_does_not_end_a_training(self):
        out = self.folder / "out"
        with subprocess.Popen([PROGRAM, "train", *TINY, "--steps", "300", "--log-every", "1",
                               "--out", str(out)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            self.assertIn(b"Loss_D", process.stdout.readline())
            process.stdout.close()
            errors = process.stderr.read()
            self.assertEqual(process.wait(timeout=60), 0, errors)
        self.assertTrue(checkpoint(out, 300).exists())

    def test_what_cannot_be_printed_exits_74(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            self.assert_fails(74, ["info", *NETWORK, *CPU], "standard output", stdout=full)
            self.assert_fails(74, ["train", "--print-config"], "standard output", stdout=full)


if __name__ == "__main__":
    unittest.main()

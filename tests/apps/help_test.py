"""The program explains itself: help of every command, one line for every slip of the fingers."""

import json
import pathlib
import re
import unittest

from support import COMMANDS, CPU, NETWORK, ProgramTest, run

NETWORK_OPTIONS = ["preset", "image-size", "channels", "nz", "ngf", "ndf"]
LOSS_OPTIONS = ["loss", "real-label", "fake-label", "d-steps", "optimizer", "lr", "lr-g", "lr-d",
                "beta1", "beta2", "alpha", "epsilon", "weight-clip", "ema-decay", "latent"]
TRAIN_OPTIONS = NETWORK_OPTIONS + LOSS_OPTIONS + [
    "dataset", "data", "classes", "flip", "on-corrupt", "strict", "allow-data-change", "cache",
    "workers", "strokes-count",
    "batch-size", "epochs", "steps", "max-seconds", "stop-at-equilibrium", "equilibrium-margin",
    "equilibrium-steps", "seed", "device", "precision", "tune", "image-memory", "overlap",
    "threads", "config", "print-config", "dry-run", "gpus", "cuda", "ranks", "sync-batch-norm",
    "grad-dtype", "bucket-mb", "transport", "comm-timeout", "out", "log-every", "sample-every",
    "checkpoint-every", "keep", "sample-count", "resume", "init-from", "init-generator", "init-discriminator"]
PYTORCH_NAMES = ["dataroot", "batchSize", "imageSize", "niter", "manualSeed", "outf", "netG",
                 "netD", "workers", "classes", "ngpu", "dry-run", "no-flip"]
GENERATOR_OPTIONS = NETWORK_OPTIONS + ["checkpoint", "generator", "netG", "weights", "seed", "out", "device",
                                       "threads", "config"]
BENCH_OPTIONS = ["batches", "repeats", "warm-up", "blocks", "pipeline", "no-generate", "peak-tflops",
                 "peak-gbs", "json", "out", "all-reduce", "sizes", "scaling", "step-ms",
                 "world-batch", "node-gpus", "link-gbs", "link-us", "network-gbs", "network-us",
                 "call-us", "ranks", "gpus", "sync-batch-norm", "grad-dtype", "bucket-mb",
                 "transport", "comm-timeout"]
OPTIONS = {
    "train": TRAIN_OPTIONS + PYTORCH_NAMES,
    "pack": ["preset", "image-size", "channels", "dataset", "data", "classes", "on-corrupt", "strict",
             "cache", "workers", "strokes-count", "seed", "config", "out", "check"],
    "sample": GENERATOR_OPTIONS + ["n", "columns"],
    "interpolate": GENERATOR_OPTIONS + ["points", "frames", "walks", "delay-ms"],
    "plot": ["run", "out"],
    "verify": NETWORK_OPTIONS + LOSS_OPTIONS + ["trace", "trace-prefix", "out", "json", "device",
                                                "precision", "threads", "config"],
    "info": NETWORK_OPTIONS + LOSS_OPTIONS + ["checkpoint", "json", "memory", "roofline", "batch-size",
                                              "device", "precision", "threads", "config"],
    "bench": NETWORK_OPTIONS + LOSS_OPTIONS + BENCH_OPTIONS + [
        "dataset", "data", "classes", "flip", "on-corrupt", "workers", "strokes-count", "batch-size",
        "device", "precision", "threads", "config"],
    "doctor": [],
}


class Help(ProgramTest):
    def test_the_program_lists_its_commands_and_its_exit_codes(self):
        text = self.run_ok("--help").stdout
        for word in COMMANDS:
            self.assertRegex(text, rf"\n  {word} ")
        for code in [0, 1, 2, 65, 69, 70, 74, 75, 78, 79, 80]:
            self.assertRegex(text, rf"\n +{code}  \w")
        self.assertNotIn("options-page", text)

    def test_help_is_also_a_word(self):
        self.assertEqual(self.run_ok("help").stdout, self.run_ok("--help").stdout)
        for command in COMMANDS:
            self.assertEqual(self.run_ok("help", command).stdout,
                             self.run_ok(command, "--help").stdout)
        self.assert_fails(2, ["help", "frob"], "frob")

    def test_lines_are_short_and_show_choices_and_defaults_in_one_way(self):
        for command in COMMANDS:
            text = self.run_ok(command, "--help").stdout
            for line in text.splitlines():
                self.assertLessEqual(len(line), 100, line)
            self.assertNotRegex(text, r"\b(TEXT|INT|FLOAT)\b")
            self.assertNotRegex(text, r"0: the preset|\S=\S+\n|\n\n\n")
        text = self.run_ok("train", "--help").stdout
        for shown in ["--loss {non-saturating,minimax,lsgan,hinge,wgan}", "[the preset's]",
                      "--preset {pytorch,libtorch,", "[one per core]",
                      "0: no limit [25]"]:
            self.assertIn(shown, text)

    def test_every_command_names_every_option_and_gives_an_example(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                text = self.run_ok(command, "--help").stdout
                for option in OPTIONS[command]:
                    self.assertRegex(text, rf"--{re.escape(option)}(?![\w-])")
                self.assertIn(f"  dcgan {command}", text)

    def test_the_page_of_options_is_what_the_program_prints(self):
        page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "options.md"
        self.assertEqual(page.read_text(encoding="utf-8"), self.run_ok("options-page").stdout,
                         "write it anew: dcgan options-page > docs/options.md")

    def test_the_page_of_options_has_every_option(self):
        text = self.run_ok("options-page").stdout
        for command in COMMANDS:
            section = text.partition(f"## dcgan {command}\n")[2].partition("\n## ")[0]
            for option in OPTIONS[command]:
                if not option.startswith("no-flip"):
                    self.assertIn(f"`--{option}`", section)
        printed = json.loads(self.run_ok("train", "--print-config").stdout)
        self.assertEqual(sorted(set(TRAIN_OPTIONS) - {"config", "print-config", "dry-run", "gpus", "cuda", "ranks"}),
                         sorted(printed))

    def test_no_command_offers_an_option_that_it_would_ignore(self):
        for command in ["verify", "info"]:
            text = self.run_ok(command, "--help").stdout
            for option in ["epochs", "steps", "max-seconds", "seed", "flip"]:
                self.assertNotRegex(text, rf"--{option}(?![\w-])")

    def test_the_version_is_one_line(self):
        self.assertRegex(self.run_ok("--version").stdout, r"^dcgan \d+\.\d+\.\d+\n$")


class Usage(ProgramTest):
    def test_what_cannot_be_understood_exits_2_with_one_line_that_names_it(self):
        for arguments, words in [
                ([], ["a command"]),
                (["frob"], ["frob", "dcgan --help"]),
                (["train", "--frob"], ["--frob", "dcgan train --help"]),
                (["train", "stray"], ["stray"]),
                (["trian"], ["trian", "did you mean train?"]),
                (["train", "--epoch", "3"], ["--epoch", "did you mean --epochs?"]),
                (["train", "--bach_size=3"], ["did you mean --batch-size?"]),
                (["sample", "--chekpoint", "x"], ["did you mean --checkpoint?"]),
                (["train", "--lr"], ["--lr"]),
                (["train", "--lr", "fast"], ["--lr", "fast"]),
                (["train", "--lr", "1e-3x"], ["1e-3x"]),
                (["train", "--lr", "0,001"], ["0,001"]),
                (["train", "--lr", "nan"], ["nan"]),
                (["train", "--steps", "1.5"], ["--steps", "1.5"]),
                (["train", "--nz", "99999999999999999999"], ["--nz"]),
                (["train", "--loss", "l2"], ["l2", "hinge"]),
                (["train", "--device", "tpu"], ["tpu", "auto, cuda, cuda:N or cpu"]),
                (["train", "--device", "cuda:-1"], ["--device", "cuda:-1"]),
                (["sample", "--checkpoint", "x", "--device", "cuda:x"], ["--device", "cuda:x"]),
                (["train", "--flip", "--no-flip"], ["--flip"]),
                (["train", "--gpus", "-5"], ["--gpus", "-5"]),
                (["sample"], ["--checkpoint", "--generator"]),
                (["sample", "--n", "0", "--checkpoint", "x"], ["--n", "0"]),
                (["sample", "--checkpoint", "x", "--generator", "y"], ["--generator"]),
                (["interpolate", "--checkpoint", "x", "--points", "1"], ["--points", "1"]),
                (["verify"], ["--trace"]),
                (["verify", "--trace", "x", "--steps", "3"], ["--steps"]),
        ]:
            with self.subTest(arguments=arguments):
                done = self.assert_fails(2, arguments, *words)
                self.assertLess(len(done.stderr), 200)
                self.assertEqual(done.stdout, "")

    def test_a_negative_number_is_a_value_and_not_an_option(self):
        self.assert_fails(78, ["train", "--steps", "-1"], "--steps", "-1")

    def test_the_last_of_a_repeated_option_counts(self):
        printed = self.run_ok("train", "--lr", "0.5", "--lr", "0.25", "--print-config").stdout
        self.assertIn('"lr": 0.25', printed)


class Doctor(ProgramTest):
    def test_it_says_what_the_build_and_the_machine_have(self):
        text = self.run_ok("doctor").stdout
        for word in ["CPU", "oneDNN", "MPI", "CUDA engine"]:
            self.assertIn(word, text)

    def test_cuda_asked_for_where_there_is_none_exits_69_and_writes_nothing(self):
        if "\nGPU 0" in run("doctor").stdout:
            self.skipTest("this machine has a GPU")
        self.assert_fails(69, ["train", *NETWORK, "--device", "cuda", "--out", self.folder / "out"],
                          "cuda")
        self.assertFalse((self.folder / "out").exists())

    def test_one_gpu_asked_for_where_there_is_none_exits_69_in_each_way_of_asking(self):
        if "\nGPU 0" in run("doctor").stdout:
            self.skipTest("this machine has a GPU")
        for arguments in [["--gpus", "1"], ["--ngpu", "1"], ["--cuda"], ["--gpus", "2"],
                          ["--gpus", "1", "--resume", "auto"]]:
            self.assert_fails(69, ["train", *NETWORK, *arguments, "--out", self.folder / "out"])
        self.assertFalse((self.folder / "out").exists())

    def test_a_gpu_that_does_not_exist_exits_69_with_its_name_and_the_number_of_gpus(self):
        if "\nGPU 1" in run("doctor").stdout:
            self.skipTest("this machine has several GPUs")
        done = self.assert_fails(
            69, ["train", *NETWORK, "--device", "cuda:1", "--out", self.folder / "out"], "cuda:1")
        if "\nGPU 0" in run("doctor").stdout:
            self.assertIn("there is 1 GPU", done.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_auto_says_which_device_it_took(self):
        done = self.run_ok("info", *NETWORK)
        self.assertTrue(done.stderr.startswith("device: ") or "\nGPU 0" in run("doctor").stdout)
        self.assertEqual(self.run_ok("info", *NETWORK, *CPU).stderr, "")


if __name__ == "__main__":
    unittest.main()

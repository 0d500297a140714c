"""--init-from: the weights of one run begin another, with its options or with others."""

import json
import unittest

from support import CPU, TINY, ProgramTest, checkpoint, run, safetensors_header, steps_of


def tensor_bytes(path, name):
    header, begin = safetensors_header(path)
    first, last = header[name]["data_offsets"]
    return path.read_bytes()[begin + first:begin + last]


class InitFrom(ProgramTest):
    def setUp(self):
        super().setUp()
        self.source = self.train("source", "--steps", "3", "--ema-decay", "0.9", "--flip",
                                 "--lr-g", "0.001")

    def config_of(self, *arguments):
        return json.loads(self.run_ok("train", *arguments, "--print-config").stdout)

    def test_a_new_run_begins_at_the_weights_and_at_step_0(self):
        out = self.folder / "fine"
        # A learning rate of almost nothing: what is saved is what it began with.
        self.run_ok("train", "--init-from", self.source, "--out", out, "--steps", "1", "--lr",
                    "1e-30", "--lr-g", "1e-30", "--batch-size", "16")
        self.assertEqual(steps_of(out), [1])
        for name, tensor in [("generator", "main.0.weight"), ("discriminator", "main.2.weight"),
                             ("generator_ema", "main.3.weight")]:
            file = name.replace("_ema", "") + ".safetensors"  # the average begins at the weights
            self.assertEqual(tensor_bytes(checkpoint(out, 1) / f"{name}.safetensors", tensor),
                             tensor_bytes(checkpoint(self.source, 3) / file, tensor), name)
        self.assertEqual(steps_of(self.source), [3])

    def test_its_options_are_those_of_the_source_and_of_the_command_line(self):
        saved = json.loads((checkpoint(self.source, 3) / "config.json").read_text())
        config = self.config_of("--init-from", self.source)
        for name, value in saved.items():
            if name not in ["out", "init-from"]:
                self.assertEqual(config[name], value, name)
        self.assertEqual(config["out"], "out")
        self.assertEqual(config["init-from"], str(checkpoint(self.source, 3)))
        config = self.config_of("--init-from", self.source, "--lr", "1e-5", "--batch-size", "4",
                                "--loss", "hinge", "--no-flip")
        self.assertEqual([config[name] for name in ["lr", "lr-d", "lr-g", "batch-size", "flip"]],
                         [1e-5, 1e-5, 0.001, 4, False])  # --lr-g was chosen, --lr-d was not

    def test_another_data_set_leaves_the_choices_of_the_first_one_behind(self):
        config = self.config_of("--init-from", self.source, "--dataset", "mnist", "--data", "x")
        self.assertEqual((config["dataset"], config["data"], config["preset"], config["ngf"]),
                         ("mnist", "x", "mnist32", 4))

    def test_the_new_run_can_be_resumed(self):
        out = self.folder / "fine"
        arguments = ["train", "--init-from", self.source, "--out", out, "--lr", "1e-4", "--resume",
                     "auto", "--steps"]
        self.run_ok(*arguments, "2")
        done = self.run_ok(*arguments, "4")
        self.assertIn("resumed from", done.stderr)
        straight = self.folder / "straight"
        self.run_ok("train", "--init-from", self.source, "--out", straight, "--lr", "1e-4",
                    "--steps", "4")
        self.assert_same_tensors(checkpoint(straight, 4), checkpoint(out, 4))

    def test_what_cannot_be_is_refused(self):
        refused = ["train", "--init-from", self.source, "--out", self.folder / "fine"]
        self.assert_fails(78, [*refused, "--resume", self.source], "--resume", "--init-from")
        self.assert_fails(78, [*refused, "--netG", "x"], "--init-generator")
        self.assert_fails(65, [*refused, "--ngf", "8"], "main.")
        self.assert_fails(74, ["train", *TINY, "--init-from", self.folder / "none"], "none")
        self.assert_fails(78, ["train", "--init-from", self.source, "--out", self.source], "--out")

    def test_a_refused_resume_names_the_way_out(self):
        self.assert_fails(78, ["train", "--resume", self.source, "--lr", "0.1"],
                          "--lr (0.1, was 0.0002)", "--init-from")


class SampledWeights(ProgramTest):
    def test_the_average_is_taken_or_the_live_weights_and_it_is_said_which(self):
        out = self.train("out", "--steps", "5", "--lr", "0.01", "--ema-decay", "0.9")
        live = self.train("live", "--steps", "5", "--lr", "0.01")
        path = self.folder / "grid.png"

        def drawn(folder, *arguments):
            done = run("sample", "--checkpoint", folder, *CPU, "--out", path, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stderr, path.read_bytes()
        said, average = drawn(out)
        self.assertIn("averaged weights", said)
        self.assertEqual(drawn(out, "--weights", "ema")[1], average)
        said, plain = drawn(out, "--weights", "live")
        self.assertIn("live weights", said)
        self.assertNotEqual(plain, average)
        said, other = drawn(live)
        self.assertIn("live weights", said)
        self.assertEqual(other, plain)
        arguments = ["sample", *CPU, "--out", path, "--weights", "ema"]
        self.assert_fails(78, [*arguments, "--checkpoint", live], "--weights ema", "--ema-decay")
        self.assert_fails(2, [*arguments, "--generator",
                              checkpoint(out, 5) / "generator.safetensors"], "--weights")


if __name__ == "__main__":
    unittest.main()

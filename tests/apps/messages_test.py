"""Text from outside in messages: quoted, escaped, cut; no file can crash the program or forge a line."""

import json
import os
import shutil
import struct
import unittest

from support import CPU, NETWORK, TINY, ProgramTest, checkpoint, run

FORGED = "a\ndcgan: done\x1b[2J\x9b\u202eb"


class Hostile(ProgramTest):
    def assert_clean(self, code, arguments, *words, most=1000, **options):
        """It fails with one short printable line."""
        done = self.assert_fails(code, arguments, *words, **options)
        self.assertLess(len(done.stderr), most, done.stderr[:2000])
        self.assertTrue(done.stderr.replace("\n", "").isprintable(), done.stderr[:2000])
        self.assertNotIn("json.exception", done.stderr)
        self.assertNotIn("internal", done.stderr)

    def test_names_on_the_command_line_cannot_forge_a_line(self):
        for arguments, code in [(["train", "--config", FORGED], 74), ([FORGED], 2),
                                (["train", f"--{FORGED}"], 2), (["train", "--lr", FORGED], 2),
                                (["train", "--loss", FORGED], 2), (["train", "--preset", FORGED], 78),
                                (["train", "--device", FORGED], 2),
                                (["sample", "--checkpoint", FORGED], 74),
                                (["verify", "--trace", FORGED], 74),
                                (["train", *TINY, "--out", f"{self.folder}/file/{FORGED}"], 74),
                                (["train", "--dataset", "folder", "--data", FORGED], 74),
                                (["sample", "--checkpoint", "x", "--out", FORGED], 2)]:
            (self.folder / "file").touch()
            with self.subTest(arguments=arguments[:2]):
                self.assert_clean(code, arguments, "\\x1b[2J")

    def test_long_values_are_cut(self):
        long = "x" * 100_000
        for arguments, code in [(["train", "--lr", long], 2), (["train", "--loss", long], 2),
                                ([long], 2), (["train", f"--{long}"], 2),
                                (["train", "--preset", long], 78), (["train", "--device", long], 2)]:
            with self.subTest(arguments=arguments[0][:10]):
                self.assert_clean(code, arguments, "more bytes)", most=1500)

    def test_a_configuration_file_cannot_forge_a_line_or_end_the_program(self):
        path = self.folder / "config.json"
        deep = "[" * 100_000
        for text, words in [
                (json.dumps({FORGED: 1}), ["no option"]), (json.dumps({"loss": FORGED}), ["--loss"]),
                (json.dumps({"lr": FORGED}), ["--lr"]),
                (json.dumps({"x" * 100_000: 1}), ["no option"]),
                (json.dumps({"loss": "x" * 100_000}), ["--loss"]),
                (json.dumps({"lr": list(range(10_000))}), ["--lr"]),
                ('{"a": 1, "a": 2}', ["twice"]), ('{"lr": ' + deep, ["100 levels"]),
                ('{"lr": ' + deep + "]" * 100_000 + "}", ["100 levels"]),
                ('{"lr": ' * 100_000, ["100 levels"]), ('{"lr": 1e999}', ["1e999", "out of range"]),
                ('{"steps": -1e999}', ["1e999"]), ('{"lr": "\x1b"}', ["not JSON at byte"]),
                ('{"out": {"hex": "zz"}}', ["--out"]), ('{"out": {"hex": "abc"}}', ["--out"])]:
            with self.subTest(text=text[:40]):
                path.write_text(text, encoding="utf-8")
                self.assert_clean(78, ["train", "--config", path], "config.json", *words)

    def test_a_checkpoint_s_files_likewise(self):
        out = self.train("out", "--steps", "2")
        good = checkpoint(out, 2)
        deep = '{"step": ' + "[" * 100_000
        for name, text, words in [
                ("manifest.json", deep, ["100 levels"]), ("manifest.json", '{"format": 1e999}', []),
                ("manifest.json", '{"format": 1, "files": {}}', ["does not list"]),
                ("manifest.json", json.dumps({"format": 5, "version": FORGED}), ["format 5"]),
                ("config.json", deep, ["config.json"]), ("state.json", deep, ["state.json"])]:
            with self.subTest(name=name, text=text[:30]):
                bad = self.folder / "bad"
                shutil.rmtree(bad, ignore_errors=True)
                shutil.copytree(good, bad)
                (bad / name).write_text(text)
                self.assert_clean(65, ["train", "--resume", bad, "--out", self.folder / "x"], *words)
                self.assert_clean(65, ["sample", "--checkpoint", bad, *CPU], *words)

    def test_a_foreign_file_with_very_many_tensors_gives_a_short_line(self):
        path = self.folder / "many.safetensors"
        header = json.dumps({f"tensor {FORGED} {number}": {"dtype": "F32", "shape": [0],
                                                           "data_offsets": [0, 0]}
                             for number in range(50_000)}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        self.assert_clean(65, ["sample", "--generator", path, *NETWORK, *CPU], "and 49992 more",
                          most=4000)

    def test_names_of_pictures_are_escaped_in_every_line(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        source = self.train("seed", "--steps", "1") / "real.png"
        for number in range(8):
            shutil.copy(source, pictures / f"{number}.png")
        (pictures / f"{FORGED}.png").write_bytes(b"no picture")
        command = ["train", *NETWORK, *CPU, "--dataset", "folder", "--data", pictures,
                   "--batch-size", "8", "--steps", "1", "--out", self.folder / "out"]
        self.assert_clean(65, command, "\\x1b[2J")
        done = self.run_ok(*command, "--on-corrupt", "skip")
        self.assertIn("\\x1b[2J", done.stderr)
        self.assertTrue(done.stderr.replace("\n", "").isprintable(), done.stderr)


class PathsThatAreNotUtf8(ProgramTest):
    NAME = b"caf\xe9-\xff"

    def test_a_run_in_such_a_folder_is_saved_and_resumed(self):
        out = os.path.join(os.fsencode(self.folder), self.NAME)
        done = run("train", *TINY, "--steps", "2", "--out", os.fsdecode(out))
        self.assertEqual(done.returncode, 0, done.stderr)
        saved = self.folder / os.fsdecode(self.NAME)
        config = json.loads((checkpoint(saved, 2) / "config.json").read_text(encoding="utf-8"))
        self.assertEqual(bytes.fromhex(config["out"]["hex"]), out)
        done = run("train", "--resume", os.fsdecode(out), "--steps", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_same_tensors(checkpoint(self.train("straight", "--steps", "4"), 4),
                                 checkpoint(saved, 4))
        self.run_ok("sample", "--checkpoint", os.fsdecode(out), *CPU, "--n", "1", "--out",
                    saved / os.fsdecode(b"\xfe.png"))

    def test_data_and_classes_keep_their_bytes(self):
        pictures = self.folder / "pictures"
        source = self.train("seed", "--steps", "1") / "real.png"
        name = os.fsdecode(self.NAME)
        (pictures / name).mkdir(parents=True)
        for number in range(8):
            shutil.copy(source, pictures / name / f"{number}.png")
        arguments = ["--dataset", "folder", "--data", pictures, "--classes", name]
        out = self.folder / "out"
        self.run_ok("train", *NETWORK, *CPU, "--batch-size", "8", *arguments, "--steps", "1",
                    "--epochs", "0", "--out", out)
        self.run_ok("train", "--resume", out, "--steps", "2")
        printed = self.run_ok("train", *arguments, "--print-config").stdout
        path = self.folder / "config.json"
        path.write_text(printed)
        self.assertEqual(self.run_ok("train", "--config", path, "--print-config").stdout, printed)


if __name__ == "__main__":
    unittest.main()

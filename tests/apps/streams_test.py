"""Standard streams that are closed, full or left by their reader: the work and the exit code stay."""

import os
import subprocess
import unittest

from support import CPU, NETWORK, PROGRAM, TINY, ProgramTest, checkpoint

FULL = "/dev/full"


@unittest.skipUnless(os.path.exists(FULL), "needs the device that is always full")
class Streams(ProgramTest):
    def code(self, *arguments, closed=(), **streams):
        """The exit code with the given streams; those in `closed` are not open at the start."""
        def close():
            for number in closed:
                os.close(number)
        streams.setdefault("stdout", subprocess.DEVNULL)
        streams.setdefault("stderr", subprocess.DEVNULL)
        return subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              preexec_fn=close, check=False, timeout=120, **streams).returncode

    def test_closed_streams_do_not_put_lines_into_the_files_of_a_run(self):
        straight = self.train("straight", "--steps", "3", "--log-every", "1")
        for closed in [(1,), (2,), (0, 1), (0, 1, 2)]:
            out = self.folder / "-".join(map(str, closed))
            with self.subTest(closed=closed):
                self.assertEqual(self.code("train", *TINY, "--steps", "3", "--log-every", "1",
                                           "--out", out, closed=closed), 0)
                self.assert_same_tensors(checkpoint(straight, 3), checkpoint(out, 3))
                for name in ["metrics.jsonl", "losses.csv"]:
                    lines = (out / name).read_text().splitlines()
                    self.assertEqual(len(lines), len((straight / name).read_text().splitlines()))
                    self.assertFalse([line for line in lines if "Loss_D" in line])

    def test_an_error_that_cannot_be_printed_keeps_its_exit_code(self):
        wrong = [(["train", "--lr", "-1"], 78), (["sample"], 2), (["frob"], 2), ([], 2),
                 (["info", "--checkpoint", self.folder / "none"], 74),
                 (["verify", "--trace", self.folder / "none"], 74)]
        for arguments, wanted in wrong:
            with self.subTest(arguments=arguments):
                self.assertEqual(self.code(*arguments, closed=(2,)), wanted)
                with open(FULL, "wb", buffering=0) as full:
                    self.assertEqual(self.code(*arguments, stderr=full), wanted)
                read, write = os.pipe()
                os.close(read)  # its reader has left
                self.assertEqual(self.code(*arguments, stderr=write), wanted)
                os.close(write)

    def test_a_training_whose_messages_cannot_be_printed_goes_on(self):
        for name in ["full", "left"]:
            out = self.folder / name
            if name == "full":
                stream = os.open(FULL, os.O_WRONLY)
            else:
                read, stream = os.pipe()
                os.close(read)
            with self.subTest(name=name):
                self.assertEqual(self.code("train", *TINY, "--steps", "2", "--log-every", "1",
                                           "--out", out, stdout=stream, stderr=stream), 0)
                self.assertTrue(checkpoint(out, 2).exists())
            os.close(stream)

    def test_help_and_tables_that_cannot_be_printed_exit_74(self):
        for arguments in [["--help"], ["help"], ["train", "--help"], ["--version"],
                          ["info", *NETWORK, *CPU], ["train", "--print-config"], ["doctor"]]:
            with self.subTest(arguments=arguments):
                with open(FULL, "wb", buffering=0) as full:
                    self.assertEqual(self.code(*arguments, stdout=full), 74)
                self.assertEqual(self.code(*arguments, closed=(1,)), 74)


if __name__ == "__main__":
    unittest.main()

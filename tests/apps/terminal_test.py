"""The line of progress on a terminal, wide and narrow."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from support import PROGRAM, TINY, ProgramTest


def on_terminal(columns, *arguments):
    """Trains with standard error on a terminal of that width; returns what was drawn there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([PROGRAM, "train", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        drawn = b""
        try:
            while block := os.read(ours, 65536):
                drawn += block
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        code = process.wait(timeout=60)
    return code, drawn.decode()


def progress_lines(drawn):
    return [line for line in re.findall(r"\r\x1b\[K([^\r\n\x1b]*)", drawn) if "step " in line]


class Terminal(ProgramTest):
    def lines(self, columns, *arguments):
        code, drawn = on_terminal(columns, *TINY, "--out", self.folder / f"out-{columns}",
                                  "--log-every", "1000", *arguments)
        self.assertEqual(code, 0, drawn)
        lines = progress_lines(drawn)
        self.assertTrue(lines, drawn)
        for line in lines:
            self.assertLess(len(line), columns, line)
        return lines

    def test_a_wide_one_shows_all_of_it(self):
        for line in self.lines(120, "--steps", "20"):
            self.assertRegex(line, r"^\[#*\.*\]  \d+%  epoch [123]/3  step \d+/20  \d+ images/s  \S+ left$")

    def test_a_narrow_one_keeps_what_matters_on_one_line(self):
        for line in self.lines(40, "--steps", "20"):
            self.assertRegex(line, r"^\d+%  .*step \d+/20.* left$")
        for line in self.lines(12, "--steps", "20"):
            self.assertRegex(line, r"^\d+%  step")

    def test_without_a_limit_there_is_no_share_of_one(self):
        for line in self.lines(80, "--max-seconds", "0.1"):
            self.assertRegex(line, r"^epoch \d+  step \d+  \d+ images/s$")

    def test_a_resumed_run_has_its_rate_from_the_first_step_on(self):
        self.lines(100, "--steps", "3")
        code, drawn = on_terminal(100, "--resume", self.folder / "out-100", "--steps", "8")
        self.assertEqual(code, 0, drawn)
        self.assertNotEqual(progress_lines(drawn), [])
        for line in progress_lines(drawn):
            self.assertRegex(line, r" [1-9]\d* images/s ")


if __name__ == "__main__":
    unittest.main()

"""Runs one command: shows what it prints as it goes, keeps it in a log, stops it in time."""

import ctypes
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
GRACE_S = 5
NOT_STARTED = 127  # as a shell says it


class Stopped(BaseException):
    """This program was asked to end; no handler of errors holds it up."""


@dataclasses.dataclass
class Ended:
    status: int  # of the command; negative: the signal that ended it
    seconds: float
    in_time: bool
    last_line: str


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def show(text):
    """Prints at once: what is not printed is lost when the machine is taken away. The results do
    not depend on anybody reading."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


class Copier(threading.Thread):
    """Copies a command's output to the log and to our own output, line by line."""

    def __init__(self, stream, log, quiet):
        super().__init__(daemon=True)
        self.stream, self.log, self.quiet, self.last_line = stream, log, quiet, ""

    def run(self):
        for line in self.stream:
            self.log.write(line)
            self.log.flush()
            text = line.decode(errors="replace")
            if not self.quiet:
                show("  " + text)
            self.last_line = text.strip() or self.last_line


def start(command, environment, folder):
    return subprocess.Popen([str(word) for word in command], env=environment, cwd=folder,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True,
                            preexec_fn=end_with_parent)


def run(command, environment, folder, log_path, limit_s, quiet=False):
    """Whatever happens, nothing of the command is left running."""
    begun = time.monotonic()
    with open(log_path, "wb") as log:
        try:
            process = start(command, environment, folder)
        except OSError as error:  # no such program
            log.write(f"{error}\n".encode())
            return Ended(NOT_STARTED, 0.0, True, str(error))
        copier = Copier(process.stdout, log, quiet)
        copier.start()
        in_time = True
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            in_time = False
            signal_group(process, signal.SIGTERM)
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                pass
        finally:
            signal_group(process, signal.SIGKILL)
            process.wait()
            copier.join(GRACE_S)
            process.stdout.close()
    return Ended(process.returncode, time.monotonic() - begun, in_time, copier.last_line)

"""Runs of several ranks: started by the program itself, or one by one as a launcher would."""

import os
import pathlib
import signal
import socket
import subprocess
import time

from support import PROGRAM, TINY, Running

# Of several ranks on one machine: 64 images in world batches of 8.
RANKS = TINY + ["--comm-timeout", "20"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def rank_environment(rank, size, port, **more):
    plain = {name: value for name, value in os.environ.items()
             if not name.startswith(("OMPI_", "PMI", "SLURM_", "TORCHELASTIC"))}
    return {**plain, "RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **more}


class Rank:
    """One rank, started by hand."""

    def __init__(self, environment, *arguments):
        self.process = subprocess.Popen([PROGRAM, "train", *map(str, arguments)], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def end(self, seconds=60):
        """The exit code and standard error."""
        try:
            _, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, errors = self.process.communicate()
            raise AssertionError(f"does not end: {errors}") from None
        return self.process.returncode, errors


def run_ranks(ranks, arguments_of, size=None, environment=None):
    """Starts the ranks numbered in `ranks`; arguments_of(rank). Their (code, errors), in order."""
    port = free_port()
    started = [Rank(rank_environment(rank, size or len(ranks), port, **(environment or {})),
                    *arguments_of(rank)) for rank in ranks]
    return [one.end() for one in started]


class RunningRanks(Running):
    """train --ranks N in the background."""

    def pids(self, count, seconds=30):
        """Of the ranks, by rank: the children in the order in which they were started."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = sorted(int(pid) for pid in path.read_text().split())
            if len(found) == count:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{count} ranks did not start")


def kill_stopped(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

"""Holds set-ups ready and times them when asked: `pytorch_gpu.py --serve`. Needs no PyTorch.

On standard output, one JSON object a line. The first, when everything is set up:
    {"program": "pytorch", ..., "ready": ["P4"], "failed": {"P2": "why"}, "set_up_s": 12.0,
     "fallen_back": {"P5": "max-autotune: why"}}  the latter compiled without a search
Then, for every line of standard input, the name of a set-up or "all":
    {"results": [row]}  as in a report (figures.py), or {"error": "why"}
An error while timing ends the program: what it left on the device is unknown. So does the end of
standard input.
"""

import fcntl
import json
import os
import sys
import threading
import time


class Turn:
    """With `with`: alone among the processes that have the same file (None: without any other).

    A process may enter again while it is inside. The lock of a process that ends is freed.
    """

    def __init__(self, path=None):
        self.file = open(path, "a", encoding="utf-8") if path else None
        self.depth = 0
        self.guard = threading.Lock()  # of the depth

    def __enter__(self):
        with self.guard:
            if self.depth == 0 and self.file:
                fcntl.flock(self.file, fcntl.LOCK_EX)
            self.depth += 1
        return self

    def __exit__(self, *error):
        with self.guard:
            self.depth -= 1
            if self.depth == 0 and self.file:
                fcntl.flock(self.file, fcntl.LOCK_UN)


def answers_alone():
    """A stream that is standard output; what libraries print goes to standard error from now on."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def answer(channel, value):
    channel.write(json.dumps(value) + "\n")
    channel.flush()


def why(error):
    return f"{type(error).__name__}: {error}"


def set_up_all(set_ups):
    """({name: what times it}, {name: why it failed}): one that fails leaves the others."""
    ready, failed = {}, {}
    for name, set_up in set_ups.items():
        try:
            ready[name] = set_up()
        except Exception as error:  # whatever a compiler or a driver raises
            failed[name] = why(error)
    return ready, failed


def serve(set_ups, about, channel, requests=sys.stdin):
    """Sets `set_ups` {name: function} up; each function returns what gives a row. Exit code.

    `about()` says afterwards what the first answer begins with.
    """
    begun = time.monotonic()
    ready, failed = set_up_all(set_ups)
    answer(channel, about() | {"ready": list(ready), "failed": failed,
                               "set_up_s": round(time.monotonic() - begun, 1)})
    if not ready:
        return 1
    for line in requests:
        name = line.strip()
        if name != "all" and name not in ready:
            answer(channel, {"error": f"no {name} here; there are {', '.join(ready)}"})
            continue
        try:
            rows = [ready[one]() for one in (ready if name == "all" else [name])]
        except Exception as error:
            answer(channel, {"error": why(error)})
            return 1
        answer(channel, {"results": rows})
    return 0

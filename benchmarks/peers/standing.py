"""Peers that are set up once and stand ready: their processes, started and stopped (serve.py)."""

import ctypes
import json
import os
import pathlib
import queue
import shlex
import signal
import subprocess
import tempfile
import threading
import time

import serve
from comparison import OutOfTime, note

# Variants with the same networks share a process; every other variant has its own.
SHARED = (("P2", "P4"), ("P3", "P5"))
COMPILED = {"P3", "P5", "P5t", "generator"}
GENERATOR = ["--ways", "graph,compiled graph", "--dtypes", "bf16"]  # the strongest
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def groups(variants):
    """Lists of variants, one a process."""
    listed = []
    for variant in variants:
        shared = next((group for group in SHARED if variant in group), (variant,))
        group = [name for name in variants if name in shared]
        if group not in listed:
            listed.append(group)
    return listed


class Peer:
    """One process. What it says on standard error is kept for the day it fails."""

    def __init__(self, label, command, environment, log):
        self.label, self.log = label, log
        self.answers = queue.Queue()  # objects; None: it has ended
        self.ready = {}  # its first answer
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, start_new_session=True, preexec_fn=end_with_parent)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            try:
                self.answers.put(json.loads(line))
            except ValueError:
                self.answers.put({"error": f"said {line.strip()[:200]}"})
        self.answers.put(None)

    def answer(self, limit_s):
        """Its next answer; TimeoutError after `limit_s`, RuntimeError when there will be none."""
        try:
            found = self.answers.get(timeout=max(limit_s, 0.001))
        except queue.Empty as error:
            raise TimeoutError(f"no answer in {limit_s:.0f} s") from error
        if found is None:
            self.answers.put(None)
            code = self.process.wait()
            raise RuntimeError(f"{self.label} left with {code}: {self.last_words()}")
        return found

    def ask(self, what, limit_s):
        """The report of a measurement."""
        try:
            self.process.stdin.write(what + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended: its answer says so
        found = self.answer(limit_s)
        if "error" in found:
            raise RuntimeError(f"{self.label}: {found['error']}")
        return self.ready | found

    def last_words(self):
        return self.log.read_text(encoding="utf-8", errors="replace").strip()[-500:]

    def stop(self):
        """Whatever it is doing, nothing of it is left running."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        try:
            self.process.stdin.close()
        except OSError:
            pass


class StandingPeers:
    """All peers of a comparison; a context that stops them at its end."""

    def __init__(self, options):
        self.options = options
        self.folder = None
        self.peers = {}  # {(who, batch): Peer}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *error):
        for peer in self.all():
            peer.stop()
        self.folder.cleanup()

    def all(self):
        return list(dict.fromkeys(self.peers.values()))

    def lock(self):
        return f"{self.folder.name}/turn"

    def command(self, names, batch):
        options = self.options
        command = [options.python, options.peer, "--serve", "--lock", self.lock(),
                   "--image-size", options.image_size, "--channels", options.channels,
                   "--threads", options.threads, "--batch", batch, "--repeats", options.repeats,
                   "--warm-up", 10]
        if names == ["generator"]:
            # Ours is timed at a batch and at one image; one is enough of the latter.
            sizes = [batch] if batch != options.batch[0] or batch == 1 else [1, batch]
            command += ["--variants", "", *GENERATOR,
                        "--inference-batches", ",".join(map(str, sizes))]
        else:
            command += ["--variants", ",".join(names), "--no-inference"]
        return [str(word) for word in command]

    def environment(self, processes):
        """Those that compile share the cores."""
        cores = len(os.sched_getaffinity(0))
        threads = max(2, cores // max(processes, 1))
        return {"TORCHINDUCTOR_COMPILE_THREADS": str(threads), **os.environ}

    def start(self):
        listed = groups(self.options.variants)
        listed += [] if self.options.steps_only else [["generator"]]
        compiling = sum(bool(COMPILED & set(names)) for names in listed)
        environment = self.environment(compiling * len(self.options.batch))
        for batch in self.options.batch:
            for names in listed:
                label = f"{','.join(names)} at {batch}"
                log = pathlib.Path(self.folder.name) / f"{len(self.peers)}.log"
                command = self.command(names, batch)
                try:
                    peer = Peer(label, command, environment, log)
                except OSError as error:
                    raise RuntimeError(f"{shlex.join(command)}: {error}") from error
                self.peers |= {(name, batch): peer for name in names}

    def set_up(self, comparison, meanwhile):
        """Starts all and waits for them; the comparison hears of those that fail.

        `meanwhile` (a source) has the GPU for itself first, while the peers start.
        """
        limit = self.options.set_up_limit_s
        left = comparison.left()
        ends = time.monotonic() + (limit if left is None else min(limit, left))
        with serve.Turn(self.lock()):
            self.start()
            try:
                meanwhile(left)
            except OutOfTime as why:
                note(why)
        for peer in self.all():
            try:
                peer.ready = peer.answer(ends - time.monotonic())
                self.take_ready(peer, comparison)
            except (RuntimeError, TimeoutError, KeyError) as error:
                late = isinstance(error, TimeoutError)
                why = f"not ready in {limit:.0f} s: {peer.last_words()}" if late else error
                self.drop(peer, why, comparison)

    def names(self, peer):
        return [f"{who} at {batch}" for (who, batch), one in self.peers.items() if one is peer]

    def take_ready(self, peer, comparison):
        if "error" in peer.ready:
            raise RuntimeError(peer.ready["error"])
        batch = next(batch for (_, batch), one in self.peers.items() if one is peer)
        for name, why in peer.ready["failed"].items():
            comparison.fail(f"{name} at {batch}", why)
        for name, why in peer.ready.get("fallen_back", {}).items():
            # Not left out: its defaults are timed in its place, as `compiled` says.
            comparison.fail(f"{name} at {batch}, {why.split(':')[0]}", why, "failed")
        if not peer.ready["ready"]:
            raise RuntimeError(f"nothing is ready: {peer.ready['failed']}")
        comparison.set_up_s[peer.label] = peer.ready["set_up_s"]
        note(f"{peer.label} is ready ({peer.ready['set_up_s']:.0f} s)")

    def drop(self, peer, why, comparison):
        peer.stop()
        for name in self.names(peer):
            if name not in comparison.failed:
                comparison.fail(name, why)

    def sources(self, batch):
        """{who: what measures it}, for a comparison."""
        return {who: self.source(who, peer)
                for (who, at), peer in self.peers.items() if at == batch}

    def source(self, who, peer):
        def measure(left_s):
            limit = self.options.turn_limit_s
            try:
                return peer.ask("all" if who == "generator" else who,
                                limit if left_s is None else min(limit, left_s))
            except TimeoutError as error:
                if left_s is not None and left_s <= limit:
                    raise OutOfTime(f"{who} was stopped") from error
                peer.stop()  # or it would answer the next question with this one's figures
                raise RuntimeError(f"{peer.label}: {error}") from error
        return measure

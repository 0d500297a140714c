"""Checks the engine on a machine with a GPU; see ../gpu_check.sh, which starts this."""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

import plan
import runner
from check import Check
from libraries import ROOT


def parse_options():
    parser = argparse.ArgumentParser(prog="gpu_check.sh", add_help=False)
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("gpu-check"))
    parser.add_argument("--part", choices=sorted(plan.PARTS), default="all")
    parser.add_argument("--budget-s", type=int, default=520)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--rehearse", action="store_true")
    options = parser.parse_args()
    if options.rehearse and not options.build and not (ROOT / "build/dcgan").is_file():
        parser.error("--rehearse needs --build DIR, an emulated build")
    if options.build and not options.build.is_dir():
        parser.error(f"--build: no folder {options.build}")
    if options.cache and not options.cache.is_file():
        parser.error(f"--cache: no file {options.cache}")
    return options


def stop(number, frame):
    signal.signal(number, signal.SIG_IGN)
    raise runner.Stopped(number)


def main():
    options = parse_options()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="gpu-check-"))
    try:
        check = Check(options, scratch)
        try:
            check.run_all()
        except runner.Stopped as stopped:
            check.note("stopped", "FAILED", detail=f"by signal {stopped.args[0]}")
            return 128 + stopped.args[0]
        check.results.save(check.seconds(), complete=True)
        return check.summary()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

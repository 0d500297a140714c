"""Instructions that the engine's own loops take in two steps on the CPU, against stored figures.

    instructions_test.py COUNT_STEPS BUILT_BY [--record]

A count does not depend on what else the machine does, as a time would. Only functions of the engine
are compared: oneDNN writes its code for the processor. Figures are of one compiler and one set of
flags, named in BUILT_BY ("GNU 12.2.0 Release x86-64-v3"); others are skipped, as are machines
without valgrind. --record stores what is measured now: do so with a change that is meant to cost or
save instructions, and say in the commit why.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

STORED = pathlib.Path(__file__).with_name("instructions.json")
SKIPPED = 77
TOLERANCE = 0.03  # the same compiler with another patch level or C library
LEAST = 20_000    # instructions: smaller functions count in the total only
# What is measured: the steps, not what leads to them.
STEP = "dcgan::TrainingEngine::train_step(dcgan::StepLaunch)"


def own_counts(text):
    """Self cost by function of the engine, from callgrind's file without compression."""
    counts, function, after_call = {}, None, False
    for line in text.splitlines():
        if line.startswith("fn="):
            function = short_name(line[3:])
        elif line.startswith("calls="):
            after_call = True  # the next line is what the callee cost
        elif line[:1].isdigit() or line[:1] in "+-*":
            cost = line.split()[1:]  # nothing: not while the step ran
            if function and cost and not after_call:
                counts[function] = counts.get(function, 0) + int(cost[0])
            after_call = False
    return counts


def short_name(full):
    """'col2im' of 'void dcgan::cpu::col2im<float>(...)'; a loop's body has the name of the
    function it stands in. None for other people's functions."""
    if "dcgan::" not in full:
        return None
    name = full[full.index("dcgan::"):]
    name = re.sub(r"dcgan::|cpu::|detail::|\(anonymous namespace\)::|parallel_for<", "", name)
    return re.match(r"\w*", name)[0] or None


def measure(program):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "callgrind.out"
        command = ["valgrind", "--quiet", "--tool=callgrind", "--compress-strings=no",
                   "--compress-pos=no", f"--toggle-collect={STEP}", f"--callgrind-out-file={out}",
                   program]
        # The narrowest code of oneDNN's is the quickest to translate; none of it is compared.
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "SSE41", "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment)
        return own_counts(out.read_text())


def compare(measured, stored):
    """One line for each difference that is more than tolerated."""
    lines = []
    for name in sorted(set(measured) | set(stored)):
        now, then = measured.get(name, 0), stored.get(name, 0)
        if max(now, then) < LEAST or (name not in stored and now < LEAST * (1 + TOLERANCE)):
            continue
        if abs(now - then) > TOLERANCE * then:
            change = f"{(now - then) / then:+.1%}" if then else "new"
            lines.append(f"{name}: {now} instructions, stored {then} ({change})")
    return lines


def summary(counts):
    large = {name: count for name, count in counts.items() if count >= LEAST}
    return {"total": sum(counts.values()), **dict(sorted(large.items()))}


def main(program, built_by, record):
    # The compiler's minor version may differ.
    kind = re.sub(r"^(\w+ \d+)\S*", r"\1", built_by)
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"built_by": kind}
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        return SKIPPED
    if not record and kind != stored["built_by"]:
        print(f"skipped: figures are stored for {stored['built_by']}, this is {kind}")
        return SKIPPED
    measured = measure(program)
    for name, count in sorted(measured.items(), key=lambda item: -item[1])[:12]:
        print(f"{count:12} {name}")
    found = summary(measured)
    print(f"{found['total']:12} of all the engine's own")
    if record:
        STORED.write_text(json.dumps({"built_by": kind, "instructions": found}, indent=2) + "\n")
        return 0
    different = compare({"total": found["total"], **measured}, stored["instructions"])
    for line in different:
        print(line, file=sys.stderr)
    if different:
        command = shlex.join([sys.argv[0], program, built_by, "--record"])
        print(f"if this is meant: {command}", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or not sys.argv[2] or sys.argv[3:] not in ([], ["--record"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], "--record" in sys.argv))

"""One run of the check: libraries, doctor, the plan's steps, and the results after each."""

import os
import sys
import time

import facts
import headlines
import libraries
import plan
import results
import runner
from libraries import ROOT
from plan import Machine, Step

PACK_S = 8  # kept for the last files
BUILD_S = 900  # building is not checking: it comes on top of the budget


class Check:
    """One run: its machine, what is left of its time, its results."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.begun = time.monotonic()
        self.budget_s = options.budget_s
        self.usable_gpu = True  # until doctor says otherwise
        build = options.build or (ROOT / "build")
        if not options.build and not (build / "dcgan").is_file():
            build = ROOT / "build/gpu-check"
        self.must_build = not options.build and not (build / "dcgan").is_file()
        self.environment = dict(os.environ, PYTHONUNBUFFERED="1")
        for folder in ("logs", results.CACHE):
            (scratch / folder).mkdir()
        self.machine = Machine(ROOT, build.resolve(), scratch, facts.shared_folder(),
                               facts.torch_python(), options.rehearse,
                               {"DCGAN_CACHE": str(scratch / results.CACHE)},
                               facts.gpu_count())
        options.out.mkdir(parents=True, exist_ok=True)
        self.results = results.Results(
            options.out, scratch / "logs", scratch / results.CACHE,
            {"gpu": facts.gpu("name"), "driver": facts.gpu("driver_version"), "program": "",
             "revision": facts.revision(), "part": options.part, "rehearsal": options.rehearse,
             "budget_seconds": options.budget_s, "libraries": [], "doctor": []})

    def seconds(self):
        return time.monotonic() - self.begun

    def left(self):
        return self.budget_s - PACK_S - self.seconds()

    def note(self, name, outcome, seconds=0.0, detail=""):
        self.results.note(name, outcome, seconds, detail)
        runner.show(f"{name:28} {outcome:8} {seconds:6.1f} s  {detail}\n")
        self.results.save(self.seconds())

    def wanted(self, name):
        return not self.options.only or name in self.options.only

    def restore_cache(self):
        """The plan cache of an earlier call, so that nothing is tuned twice."""
        beside = [self.options.out / results.LOGS, ROOT / results.LOGS]
        packed = self.options.cache or next((path for path in beside if path.is_file()), None)
        if not packed:
            return
        try:
            count = results.restore_cache(packed, self.machine.scratch / results.CACHE)
            self.note("cache", "passed", detail=f"{count} plans of {packed}")
        except (OSError, EOFError, ValueError, results.tarfile.TarError) as error:
            self.note("cache", "FAILED", detail=f"{packed}: {error}")

    def find_libraries(self):
        """Looks for what the programs need, and says what it takes. False: they cannot start."""
        program = self.machine.program()
        if not os.access(program, os.X_OK):
            self.note("program", "FAILED", detail=f"no {program}")
            return False
        python = self.machine.torch_python or sys.executable
        rehearsed = self.options.rehearse and bool(libraries.python_folders(python))
        found = libraries.find(program, python, always=rehearsed)
        with open(self.scratch / "logs/libraries.log", "w", encoding="utf-8") as log:
            for line in libraries.lines(found):
                log.write(line + "\n")
                runner.show(f"  {line}\n")
        self.machine.program_environment["LD_LIBRARY_PATH"] = found.library_path
        self.results.facts["libraries"] = [vars(one) for one in found.libraries]
        missing = found.missing()
        self.note("libraries", "FAILED" if missing else "passed",
                  detail=f"missing: {', '.join(missing)}" if missing else "")
        return not missing

    def limit_of(self, step):
        """Seconds that a step has; or why it is skipped."""
        if step.skip:
            return 0, step.skip
        if not self.usable_gpu:
            return 0, "no usable GPU"
        if step.after and step.after not in self.results.passed():
            return 0, f"{step.after} has not passed"
        left = self.left()
        if left < step.needs_s:
            return 0, f"needs {step.needs_s} s, {max(left, 0):.0f} s of {self.budget_s} s are left"
        return min(step.limit_s, int(left)), ""

    def run(self, step):
        """Runs a step and keeps what it wrote; true when it passed."""
        limit_s, skip = self.limit_of(step)
        if skip:
            self.note(step.name, "skipped", detail=skip)
            return False
        self.results.save(self.seconds(), running=step.name)
        runner.show(f"== {step.name} (at most {limit_s} s, {self.left():.0f} s left)\n")
        begun = self.seconds()
        try:
            outcome, detail = self.outcome_of(step, limit_s)
        except Exception as error:  # of this script: the steps that follow are worth more
            outcome, detail = "FAILED", f"gpu_check: {error!r}"
        self.note(step.name, outcome, self.seconds() - begun, detail)
        return outcome == "passed"

    def outcome_of(self, step, limit_s):
        own = {} if step.plain else self.machine.program_environment
        command = [str(word).replace(plan.LIMIT, str(max(limit_s - 10, 1)))
                   for word in step.command]
        try:
            ended = runner.run(command, self.environment | own, ROOT,
                               self.scratch / "logs" / f"{step.name}.log", limit_s, step.quiet)
        finally:
            found = self.keep(step)
        if not ended.in_time:
            cut = limit_s < step.limit_s
            why = f"stopped after {limit_s} s{', all that was left' if cut else ''}; {found}"
            return "skipped" if cut else "FAILED", why.removesuffix("; ")
        if ended.status != 0:
            return "FAILED", f"exit {ended.status}: {ended.last_line}"
        return "passed", found or (ended.last_line if step.quiet else "")

    def keep(self, step):
        """Takes over what a step wrote; returns what is to be said of it."""
        report = {}
        if step.report:
            report = self.results.take_report(step.report, step.name,
                                              self.machine.report(step.name))
        if step.picture:
            self.results.take_picture(step.picture)
        return headlines.of(report)

    def build(self):
        folder = self.machine.build
        architecture = facts.gpu("compute_cap").replace(".", "") or "90"
        begun = self.seconds()
        self.budget_s += BUILD_S
        built = self.run(Step("configure", 120, [
            "cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DDCGAN_CUDA=on",
            f"-DDCGAN_CUDA_ARCHITECTURES={architecture}"])) and \
            self.run(Step("build", BUILD_S, ["cmake", "--build", folder, "--parallel"]))
        self.budget_s += int(self.seconds() - begun) - BUILD_S
        return built

    def doctor(self):
        """Passes when a GPU is usable."""
        begun = self.seconds()
        log = self.scratch / "logs/doctor.log"
        ended = runner.run([self.machine.program(), "doctor"],
                           self.environment | self.machine.program_environment, ROOT, log, 60)
        text = log.read_text(encoding="utf-8", errors="replace")
        self.results.facts["doctor"] = text.splitlines()
        self.results.facts["program"] = text.split("\n")[0]
        usable = any(line.startswith("GPU ") and line.split()[1].isdigit()
                     for line in text.splitlines())
        detail = "" if usable else "no usable GPU"
        if ended.status != 0:
            detail = f"exit {ended.status}: {ended.last_line}"
        self.usable_gpu = not detail
        self.note("doctor", "FAILED" if detail else "passed", self.seconds() - begun, detail)

    def run_all(self):
        self.restore_cache()
        if self.must_build and not self.build():
            return
        if not self.find_libraries():
            return
        if self.options.rehearse:
            self.note("gpu", "skipped", detail="a rehearsal: no GPU is used")
        else:
            self.run(Step("gpu", 30, ["nvidia-smi"], plain=True))
        self.doctor()
        for step in plan.steps(self.machine, self.options.part):
            if self.wanted(step.name):
                self.run(step)

    def summary(self):
        runner.show(f"== summary ({self.seconds():.0f} s, results in {self.options.out})\n")
        for step in self.results.steps:
            runner.show(f"{step['outcome']:8} {step['name']:28} {step['detail']}\n")
        failed = self.results.failed()
        runner.show(f"gpu check: {'FAILED' if failed else 'passed'}\n")
        return 1 if failed else 0

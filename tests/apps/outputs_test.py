"""Outputs: nothing is written over but a file of ours; folders belong to one run at a time."""

import json
import os
import pathlib
import socket
import stat
import subprocess
import sys
import unittest

from support import (CPU, NETWORK, TINY, ProgramTest, Running, checkpoint, run, shared_or_skip,
                     steps_of)

TRACED = ["--preset", "mnist32", "--nz", "16", "--ngf", "8", "--ndf", "8", *CPU]


class WrittenOver(ProgramTest):
    """Every option that names an output, with everything that may stand in its place."""

    def setUp(self):
        super().setUp()
        self.run_folder = self.train("run", "--steps", "1")

    def commands(self, out):
        """Each command that writes `out`, and the file's usual ending."""
        made = ["--checkpoint", self.run_folder, *CPU, "--out", out]
        yield ["sample", "--n", "1", *made], ".png"
        yield ["sample", "--n", "1", *made], ".npy"
        yield ["interpolate", "--points", "2", "--frames", "1", *made], ".png"
        yield ["bench", *NETWORK, *CPU, "--batches", "1", "--repeats", "1", "--warm-up", "1",
               "--peak-tflops", "1", "--peak-gbs", "1", "--out", out], ".json"
        yield ["bench", *CPU, "--all-reduce", "--sizes", "4", "--repeats", "1", "--out", out], ".json"
        yield ["bench", *CPU, "--scaling", "--step-ms", "8:1,16:2", "--out", out], ".json"
        trace = shared_or_skip(self, "parity", "dc32_f32.safetensors")
        yield ["verify", "--trace", trace, *TRACED, "--out", out], ".safetensors"

    def each(self):
        for number in range(7):
            command, ending = list(self.commands("x"))[number]
            path = self.folder / f"output-{number}{ending}"
            yield list(self.commands(path))[number][0], path

    def test_what_is_no_regular_file_is_refused_and_stays(self):
        for command, path in self.each():
            for make in [os.mkdir, os.mkfifo]:
                with self.subTest(command=command[0], make=make.__name__):
                    make(path)
                    self.assert_fails(78, command, path.name, "left as it is")
                    kind = os.lstat(path).st_mode
                    self.assertTrue(stat.S_ISDIR(kind) or stat.S_ISFIFO(kind))
                    aside = path.with_name("aside")
                    os.rename(path, aside)
                    os.symlink("aside", path)  # and a link to it
                    self.assert_fails(78, command, path.name, "left as it is")
                    self.assertTrue(os.path.islink(path))
                    path.unlink()
                    os.rmdir(aside) if aside.is_dir() else aside.unlink()

    def test_a_file_of_another_kind_is_refused_and_stays(self):
        for command, path in self.each():
            with self.subTest(command=command[0], path=path.name):
                path.write_text("notes of the user")
                self.assert_fails(78, command, "--out", path.name, "left as it is")
                self.assertEqual(path.read_text(), "notes of the user")

    def test_a_file_of_its_own_kind_is_replaced(self):
        for command, path in self.each():
            with self.subTest(command=command[0], path=path.name):
                self.run_ok(*command)
                path.with_name("old").write_bytes(path.read_bytes())
                path.unlink()
                os.symlink("old", path)
                self.run_ok(*command)
                self.assertTrue(path.is_symlink() and path.read_bytes())

    def test_a_run_s_folder_and_files_likewise(self):
        for make in [os.mkfifo, pathlib.Path.touch]:
            out = self.folder / make.__name__
            make(out)
            self.assert_fails(78, ["train", *TINY, "--steps", "1", "--out", out], "not a folder")
            self.assert_fails(78, ["sample", "--checkpoint", self.run_folder, *CPU, "--out",
                                   f"{out}/"], "not a folder")
            self.assertTrue(out.exists())
        for name in ["metrics.jsonl", "losses.csv", "real.png", "summary.json"]:
            out = self.folder / f"of-{name}"
            out.mkdir()
            (out / name).write_text("notes of the user")
            self.assert_fails(78, ["train", *TINY, "--steps", "1", "--out", out], name)
            self.assertEqual((out / name).read_text(), "notes of the user")

    def test_a_cache_is_never_made_from_a_foreign_file(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for number in range(8):
            (pictures / f"{number}.png").write_bytes((self.run_folder / "real.png").read_bytes())
        cache = self.folder / "cache"
        command = ["train", *NETWORK, *CPU, "--dataset", "folder", "--data", pictures,
                   "--batch-size", "8", "--steps", "1", "--cache", cache, "--out"]
        cache.write_text("notes of the user")
        self.assert_fails(78, [*command, self.folder / "a"], "--cache", "left as it is")
        self.assertEqual(cache.read_text(), "notes of the user")
        cache.unlink()
        os.mkfifo(cache)
        self.assert_fails(78, [*command, self.folder / "a"], "--cache", "a FIFO")
        self.assertTrue(stat.S_ISFIFO(os.lstat(cache).st_mode))
        cache.unlink()
        self.run_ok(*command, self.folder / "a")
        cache.write_bytes(cache.read_bytes()[:-5])  # ours, cut
        done = self.run_ok(*command, self.folder / "b")
        self.assertIn("is damaged and is rebuilt", done.stderr)


class DryRun(ProgramTest):
    def test_a_folder_that_it_did_not_make_is_left_alone(self):
        out = self.train("out/dry-run", "--steps", "1").parent  # a run of that name
        before = sorted(out.rglob("*"))
        self.assert_fails(78, ["train", *TINY, "--dry-run", "--out", out], "dry-run",
                          "left as it is")
        self.assertEqual(sorted(out.rglob("*")), before)
        other = self.folder / "other"
        (other / "elsewhere").mkdir(parents=True)
        (other / "dry-run").symlink_to("elsewhere")
        self.assert_fails(78, ["train", *TINY, "--dry-run", "--out", other], "left as it is")

    def test_files_that_a_user_has_put_there_stay(self):
        out = self.train("out", "--dry-run")
        mine = [out / "dry-run/notes.txt", out / "dry-run/samples/best.png",
                out / "dry-run/checkpoints/step_00000001/notes.txt"]
        for path in mine[:2]:
            path.write_text("mine")
        self.train("out", "--dry-run")
        mine[2].write_text("mine")
        done = run("train", *TINY, "--dry-run", "--out", out)
        self.assertEqual(done.returncode, 78, done.stderr)  # a checkpoint that is not only ours
        for path in mine:
            self.assertEqual(path.read_text(), "mine")


class OneOwner(ProgramTest):
    def test_a_second_run_or_resume_in_the_folder_is_refused_with_pid_and_host(self):
        out = self.folder / "out"
        with Running(*TINY, "--out", out, "--log-every", "1", "--checkpoint-every", "2") as first:
            first.wait_for(lambda: (out / "checkpoints").exists() and steps_of(out))
            for arguments in [[*TINY, "--out", out], ["--resume", out],
                              ["--resume", "auto", *TINY, "--out", out]]:
                with self.subTest(arguments=arguments[:2]):
                    self.assert_fails(78, ["train", *arguments, "--steps", "9"], out,
                                      first.process.pid, socket.gethostname())
            ranks = run("train", "--resume", out, "--steps", "9", "--ranks", "2")
            self.assertEqual(ranks.returncode, 78, ranks.stderr)
            self.assertIn(f"rank 0: {out}: in use by pid {first.process.pid}", ranks.stderr)
            first.process.terminate()
            code, errors = first.end()
        self.assertEqual(code, 75, errors)
        self.assertFalse((out / "run.lock").exists())
        for line in (out / "metrics.jsonl").read_text().splitlines():
            json.loads(line)

    def test_the_lock_of_a_killed_run_is_taken_over_with_a_note(self):
        out = self.folder / "out"
        with Running(*TINY, "--out", out, "--checkpoint-every", "2") as first:
            first.wait_for(lambda: (out / "checkpoints").exists() and steps_of(out))
            first.process.kill()
            first.end()
        self.assertTrue((out / "run.lock").exists())
        done = self.run_ok("train", "--resume", out, "--steps", steps_of(out)[-1] + 1)
        self.assertIn(f"pid {first.process.pid} on {socket.gethostname()}", done.stderr)
        self.assertFalse((out / "run.lock").exists())

    def test_a_run_of_another_host_is_refused_and_named(self):
        out = self.train("out", "--steps", "1")
        (out / "run.lock").write_text("pid 7 on another-host\n")
        with subprocess.Popen([sys.executable, "-c", "import os, sys, time\n"
                               "while True: os.utime(sys.argv[1]); time.sleep(0.1)",
                               str(out / "run.lock")], stderr=subprocess.DEVNULL) as owner:
            self.assert_fails(78, ["train", "--resume", out, "--steps", "2"],
                              "pid 7 on another-host", "sign of life", socket.gethostname())
            owner.kill()
        self.assertEqual((out / "run.lock").read_text(), "pid 7 on another-host\n")
        os.utime(out / "run.lock", (0, 0))  # no sign of life since 1970
        self.run_ok("train", "--resume", out, "--steps", "2")

    def test_of_many_resumes_at_once_one_goes_on_and_the_others_are_refused(self):
        straight = self.train("straight", "--steps", "40")
        out = self.train("out", "--steps", "2")
        running = [Running("--resume", out, "--steps", "40") for _ in range(4)]
        codes = []
        for one in running:
            with one:
                codes.append(one.end()[0])
        # One that comes when another has ended finds all steps done.
        self.assertTrue(set(codes) <= {0, 78}, codes)
        self.assertIn(0, codes)
        self.assert_same_tensors(checkpoint(straight, 40), checkpoint(out, 40))


if __name__ == "__main__":
    unittest.main()

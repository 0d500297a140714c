"""The C library as others use it: installed, moved, found by CMake and pkg-config, its hosts built by
gcc, g++ and clang++, and what they write compared with `dcgan sample`. Standard library only."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/apps"))

from support import CPU, TINY, run  # noqa: E402

BUILD = pathlib.Path(os.environ["DCGAN_BUILD"]).resolve()
SEED = 7
HEIGHT = WIDTH = 32
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]


def execute(*command, **options):
    """Its standard output; fails the test with both outputs unless it exits with 0."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def setUpModule():
    """A tree that was installed elsewhere and moved, and a run of a tiny network."""
    global folder, prefix, trained
    folder = pathlib.Path(tempfile.mkdtemp())
    unittest.addModuleCleanup(shutil.rmtree, folder)
    staged = folder / "staged"
    execute("cmake", "--install", BUILD, "--prefix", "/opt/dcgan",
            env={**os.environ, "DESTDIR": str(staged)})
    prefix = folder / "moved" / "here"
    prefix.parent.mkdir()
    (staged / "opt/dcgan").rename(prefix)
    trained = folder / "run"
    done = run("train", *TINY, "--steps", "4", "--out", trained)
    if done.returncode != 0:
        raise AssertionError(done.stderr)


def library_folder():
    return next(prefix.rglob("libdcgan.so")).parent


def environment():
    return {**os.environ, "LD_LIBRARY_PATH": str(library_folder()),
            "PKG_CONFIG_PATH": str(library_folder() / "pkgconfig")}


def sampled(path, count, seed=SEED):
    """The bytes of `dcgan sample`, (count, H, W, 1)."""
    out = folder / "sampled.npy"
    done = run("sample", *path, "--n", count, "--seed", seed, "--out", out, *CPU)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return out.read_bytes()[-count * HEIGHT * WIDTH:]


def upside_down(images):
    """(N, 32, 32, 1) bytes, each image's last line first."""
    size = HEIGHT * WIDTH
    lines = [images[at + row * WIDTH:at + (row + 1) * WIDTH]
             for at in range(0, len(images), size) for row in reversed(range(HEIGHT))]
    return b"".join(lines)


def built(host, *definitions):
    """Its programs, by find_package."""
    out = pathlib.Path(tempfile.mkdtemp(dir=folder))
    execute("cmake", "-S", HERE / host, "-B", out, f"-DCMAKE_PREFIX_PATH={prefix}", *definitions)
    execute("cmake", "--build", out)
    return [out / "host_dcgan", out / "host_dcgan_static"]


def flags(*options):
    return execute("pkg-config", *options, "dcgan", env=environment()).split()


class Tree(unittest.TestCase):
    def test_the_tree_holds_a_library_with_a_version_and_no_path_of_where_it_was_built(self):
        library = library_folder() / "libdcgan.so"
        self.assertIn("[libdcgan.so.1]", execute("readelf", "-d", library))
        self.assertTrue((library_folder() / "libdcgan.so.1").exists())
        for path in [*prefix.rglob("*.cmake"), *prefix.rglob("*.pc")]:
            text = path.read_text(encoding="utf-8")
            for absolute in ("/opt/dcgan", str(BUILD), str(ROOT)):
                self.assertNotIn(absolute, text, path)

    def test_the_library_shows_these_symbols_and_no_other(self):
        listed = execute("nm", "-D", "--defined-only", library_folder() / "libdcgan.so")
        found = sorted(line.split()[2].replace("@@", "@") for line in listed.splitlines()
                       if line.split()[1] != "A")
        wanted = (HERE / "symbols.txt").read_text(encoding="utf-8").split()
        self.assertEqual(found, wanted)

    def test_what_training_needs_is_not_loaded(self):
        needed = execute("readelf", "-d", library_folder() / "libdcgan.so")
        for name in ("libmpi", "libnccl", "libjpeg", "libpng"):
            self.assertNotIn(name, needed)

    def test_the_installed_header_is_the_project_s(self):
        for name in ("dcgan.h", "dcgan.hpp"):
            self.assertEqual((prefix / "include/dcgan" / name).read_bytes(),
                             (ROOT / "models/include/dcgan" / name).read_bytes())

    def test_a_component_that_is_not_there_is_refused(self):
        project = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(p NONE)\n"
            "find_package(dcgan COMPONENTS shared static OPTIONAL_COMPONENTS cuda teapot)\n"
            'message(STATUS "cuda=${dcgan_cuda_FOUND} has=${dcgan_HAS_CUDA} all=${dcgan_FOUND} '
            'teapot=${dcgan_teapot_FOUND}")\n', encoding="utf-8")
        said = execute("cmake", "-S", project, "-B", project / "b", f"-DCMAKE_PREFIX_PATH={prefix}")
        cuda, has = re.search(r"cuda=(\w+) has=(\w+) all=1 teapot=\s", said.replace("TRUE", "1")
                              + " ").groups()
        self.assertEqual(cuda, has)


class Hosts(unittest.TestCase):
    def images_of(self, host, path=None):
        out = folder / "images.raw"
        out.unlink(missing_ok=True)
        said = execute(host, path or trained, SEED, out, env=environment())
        return said, out.read_bytes()

    def test_a_c_host_by_find_package_makes_the_program_s_images(self):
        for host in built("c_host"):
            with self.subTest(host=host.name):
                said, images = self.images_of(host)
                self.assertEqual(images, upside_down(sampled(["--checkpoint", trained], 5)))
                self.assertRegex(said, r"^1 x 32 x 32, \d+ bytes\n$")

    def test_a_c_host_by_pkg_config(self):
        for linkage in ([], ["--static"]):
            host = folder / f"by_pkg_config{len(linkage)}"
            execute("gcc", *STRICT, HERE / "c_host/main.c", "-o", host, *flags("--cflags"),
                    *flags("--libs", *linkage))
            self.assertEqual(self.images_of(host)[1],
                             upside_down(sampled(["--checkpoint", trained], 5)))

    def test_a_cpp_host_of_each_compiler(self):
        compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
        self.assertIn("g++", compilers)
        for compiler in compilers:
            for host in built("cpp_host", f"-DCMAKE_CXX_COMPILER={compiler}"):
                with self.subTest(compiler=compiler, host=host.name):
                    said, images = self.images_of(host)
                    self.assertEqual(images, sampled(["--checkpoint", trained], 6))
                    self.assertRegex(said, r"^\d+\.\d+\.\d+\n$")
            failed = subprocess.run([host, folder / "nothing", "1", os.devnull], check=False,
                                    capture_output=True, text=True, env=environment())
            self.assertEqual(failed.returncode, 1)
            self.assertRegex(failed.stderr, r"^input or output: dcgan_generator_\w+: .*nothing")

    def test_a_host_of_an_older_header_works_with_this_library(self):
        host = folder / "older_host"
        execute("gcc", *STRICT, f"-I{HERE / 'older_host'}", HERE / "older_host/main.c", "-o", host,
                *flags("--libs"))
        self.assertEqual(self.images_of(host)[1], sampled(["--checkpoint", trained], 3))

    def test_a_bare_file_of_weights_is_enough(self):
        weights = trained / "checkpoints/step_00000004/generator.safetensors"
        _, images = self.images_of(built("c_host")[0], weights)
        self.assertEqual(images, upside_down(sampled(["--checkpoint", trained], 5)))


class Page(unittest.TestCase):
    page = ROOT / "models/api/README.md"

    def listings(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```$", self.page.read_text(encoding="utf-8"),
                          re.MULTILINE | re.DOTALL)

    def test_the_first_listing_is_a_program_that_works_as_the_page_says(self):
        empty = pathlib.Path(tempfile.mkdtemp(dir=folder))
        program, commands = self.listings("c")[0], self.listings("sh")[0]
        (empty / "first.c").write_text(program, encoding="utf-8")
        compile_line, = [line for line in commands.splitlines() if line.startswith("cc ")]
        execute("sh", "-c", compile_line.replace("cc ", "cc -pedantic -Wall -Wextra -Werror ", 1),
                cwd=empty, env=environment())
        execute("./first", trained, cwd=empty, env=environment())
        self.assertEqual((empty / "first.ppm").read_bytes(),
                         b"P5\n32 256\n255\n" + sampled(["--checkpoint", trained], 8))

    def test_the_page_names_every_file_of_the_room(self):
        text = self.page.read_text(encoding="utf-8")
        for path in (ROOT / "models/api").glob("*.cpp"):
            self.assertIn(f"`{path.stem}`", text)


if __name__ == "__main__":
    unittest.main()

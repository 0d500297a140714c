"""README.md and docs/: links and pictures exist, pages are short, snippets are Python that runs."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from pages import ROOT, all_pages, anchors, blocks, links, user_pages

PROGRAM = os.path.abspath(os.environ["DCGAN_PROGRAM"])
README_LINES = 140
PAGE_LINES = 150
GENERATED = ["options.md"]  # tables made from the program's options
PICTURE_BYTES = 150_000


class Pages(unittest.TestCase):
    def test_every_relative_link_leads_somewhere(self):
        for page in all_pages():
            for target, fragment in links(page):
                with self.subTest(page=str(page.relative_to(ROOT)), target=target):
                    path = (page.parent / target) if target else page
                    self.assertTrue(path.exists())
                    if fragment:
                        self.assertIn(fragment, anchors(path))

    def test_the_front_page_and_the_index_name_every_page(self):
        for index, prefix in [("README.md", "docs/"), ("docs/README.md", "")]:
            text = (ROOT / index).read_text(encoding="utf-8")
            for page in (ROOT / "docs").glob("*.md"):
                if page.name != "README.md":
                    self.assertIn(f"]({prefix}{page.name})", text)

    def test_pages_are_short(self):
        for page in user_pages():
            limit = README_LINES if page.parent == ROOT else PAGE_LINES
            if page.name not in GENERATED:
                lines = page.read_text(encoding="utf-8").count("\n")
                self.assertLessEqual(lines, limit, page)

    def test_pictures_are_small_pngs(self):
        pictures = list((ROOT / "docs" / "images").iterdir())
        self.assertGreater(len(pictures), 2)
        for picture in pictures:
            data = picture.read_bytes()
            self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n", picture)
            self.assertLess(len(data), PICTURE_BYTES, picture)


class Snippets(unittest.TestCase):
    snippets = [block for page in user_pages() for block in blocks(page)
                if block.language == "python"]

    def test_they_are_python(self):
        self.assertGreaterEqual(len(self.snippets), 3)
        for block in self.snippets:
            compile(block.text, str(block), "exec")

    def test_they_run_on_a_checkpoint_of_this_program(self):
        missing = [name for name in ("torch", "torchvision", "safetensors")
                   if importlib.util.find_spec(name) is None]
        if missing:
            self.skipTest(f"not installed: {', '.join(missing)}")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run([PROGRAM, "train", "--strokes-count", "4", "--batch-size", "2", "--steps",
                            "1", "--sample-count", "1", "--device", "cpu", "--out", "runs/faces"],
                           cwd=folder, check=True, capture_output=True)
            made = folder / "runs/faces/checkpoints/step_00000001"
            made.rename(made.with_name("step_00001000"))
            for block in self.snippets:
                with self.subTest(block=str(block)):
                    if "netG_epoch_24.pth" in block.text:  # what the example of PyTorch saves
                        self.save_pth(folder)
                    subprocess.run([sys.executable, "-c", block.text], cwd=folder, check=True)
                    if (folder / "netG.safetensors").exists():
                        subprocess.run([PROGRAM, "sample", "--generator", "netG.safetensors",
                                        "--device", "cpu", "--n", "2", "--out", "grid.png"],
                                       cwd=folder, check=True, capture_output=True)
                        (folder / "netG.safetensors").unlink()

    @staticmethod
    def save_pth(folder):
        code = ("import torch; from safetensors.torch import load_file; "
                "torch.save(load_file('runs/faces/checkpoints/step_00001000/"
                "generator.safetensors'), 'netG_epoch_24.pth')")
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


if __name__ == "__main__":
    unittest.main()

"""dcgan plot: one picture of a run's curves and samples."""

import unittest
import zlib

from support import ProgramTest, png_chunks, png_size, same_bytes

LOSS_D, LOSS_G = (31, 119, 180), (214, 88, 20)


def pixels(path):
    """Rows of (R, G, B) of a PNG of 8-bit RGB."""
    height, width = reversed(png_size(path))
    data = zlib.decompress(b"".join(chunk for kind, chunk in png_chunks(path) if kind == "IDAT"))
    stride, before, rows = 3 * width, bytes(3 * width), []
    for y in range(height):
        kind, row = data[y * (stride + 1)], bytearray(data[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left, up = (row[x - 3] if x >= 3 else 0), before[x]
            corner = before[x - 3] if x >= 3 else 0
            near = min([left, up, corner], key=lambda value: abs(left + up - corner - value))
            row[x] = (row[x] + [0, left, up, (left + up) // 2, near][kind]) % 256
        rows.append([tuple(row[x:x + 3]) for x in range(0, stride, 3)])
        before = bytes(row)
    return rows


def count(rows, color):
    return sum(row.count(color) for row in rows)


class Plot(ProgramTest):
    def test_a_run_s_curves_and_samples_are_drawn(self):
        out = self.train("out", "--steps", "12", "--log-every", "1", "--sample-every", "4")
        done = self.run_ok("plot", out)
        self.assertIn("12 log lines, 5 sample grids", done.stderr)
        rows = pixels(out / "plot.png")
        upper, lower = rows[:250], rows[280:530]
        for panel in [upper, lower]:
            for color in [LOSS_D, LOSS_G]:
                self.assertGreater(count(panel, color), 300)
        self.assertGreater(sum(pixel == (0, 0, 0) for row in rows[570:] for pixel in row), 100)
        self.run_ok("plot", out, "--out", self.folder / "again.png")
        self.assertTrue(same_bytes(out / "plot.png", self.folder / "again.png"))

    def test_a_curve_goes_where_its_values_are(self):
        run = self.folder / "made"
        run.mkdir()
        line = '{{"step": {}, "errD": {}, "errG": {}}}\n'
        # Loss_D falls in a straight line, Loss_G stays below it all the time; a cut last line.
        (run / "metrics.jsonl").write_text("".join(
            line.format(step, 10 - step / 10, 0 if step % 2 else "null") for step in range(101)) + '{"st')
        self.run_ok("plot", run)
        rows = pixels(run / "plot.png")[30:250]
        def heights(color, x):
            return [y for y, row in enumerate(rows) if row[x] == color]
        tops = [heights(LOSS_D, x)[0] for x in [120, 300, 500, 700, 900]]
        self.assertEqual(tops, sorted(tops))
        self.assertLess(tops[0] + 100, tops[-1])
        self.assertGreater(heights(LOSS_G, 300)[0], 190)
        self.assertEqual(heights(LOSS_G, 300), heights(LOSS_G, 700))

    def test_what_is_no_run_is_refused(self):
        self.assert_fails(74, ["plot", self.folder / "none"], "none")
        (self.folder / "metrics.jsonl").write_text("hello\n")
        self.assert_fails(65, ["plot", self.folder], "metrics.jsonl")
        out = self.train("out", "--steps", "1")
        (out / "plot.png").write_text("notes of the user")
        self.assert_fails(78, ["plot", out], "plot.png")
        self.assert_fails(2, ["plot"], "--run")


if __name__ == "__main__":
    unittest.main()

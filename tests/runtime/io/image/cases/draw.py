#!/usr/bin/env python3
"""Draws the small pictures beside this file with Pillow, and expected.txt: what Pillow reads of each.

    python3 draw.py        needs pillow; the files here are of version 13

A line of expected.txt: file, width, height, convert("RGB") as hexadecimal digits.
"""
import pathlib
import struct

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
W, H = 11, 5


def rgb():
    return Image.frombytes("RGB", (W, H), bytes((x * 23 + y * 51 + c * 90) % 256 for y in range(H)
                                                for x in range(W) for c in range(3)))


def rgba():
    image = rgb().convert("RGBA")
    image.putalpha(Image.frombytes("L", (W, H), bytes(i * 4 % 256 for i in range(W * H))))
    return image


def bmp16(masks):
    """5-5-5 without masks, 5-6-5 with them; Pillow does not write these."""
    pixels = b"".join(struct.pack(f"<{W}H", *((x * 5771 + y * 911) % 65536 for x in range(W))) + b"\0" * (W * 2 % 4)
                      for y in range(H))
    tail = struct.pack("<III", 0xf800, 0x7e0, 0x1f) if masks else b""
    head = struct.pack("<IiiHHIIiiII", 40, W, -H if masks else H, 1, 16, 3 if masks else 0, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(tail) + len(pixels), 0, 0, 54 + len(tail)) + head + tail + pixels


def bmp_runs():
    """RLE8: a run, a literal stretch of odd length, an end of line, a jump, the end."""
    data = bytes([5, 1, 0, 3, 2, 3, 1, 0, 0, 0, 11, 2, 0, 0, 0, 2, 4, 1, 3, 3, 0, 0, 11, 1, 0, 1])
    palette = bytes([0, 0, 0, 0, 10, 200, 30, 0, 255, 0, 9, 0, 7, 77, 177, 0])
    head = struct.pack("<IiiHHIIiiII", 40, W, H, 1, 8, 1, len(data), 0, 0, 4, 0)
    return b"BM" + struct.pack("<IHHI", 70 + len(data), 0, 0, 70) + head + palette + data


def bare(name, contents):
    (HERE / name).write_bytes(contents)


def draw():
    grey, palette, bits = rgb().convert("L"), rgb().quantize(7), rgb().convert("1")
    for name, image in [("rgb", rgb()), ("rgba", rgba()), ("grey", grey), ("palette", palette), ("bits", bits)]:
        image.save(HERE / f"{name}.bmp")
        image.save(HERE / f"{name}.tif")
    rgb().save(HERE / "lzw.tif", compression="tiff_lzw")
    rgb().save(HERE / "deflate.tif", compression="tiff_adobe_deflate")
    rgb().save(HERE / "jpeg.tif", compression="jpeg", quality=95)
    bare("five.bmp", bmp16(False))
    bare("six.bmp", bmp16(True))
    bare("runs.bmp", bmp_runs())
    palette.save(HERE / "one.gif")
    palette.save(HERE / "interlaced.gif", interlace=1)
    palette.save(HERE / "clear.gif", transparency=2)
    palette.save(HERE / "two.gif", save_all=True, append_images=[rgb().rotate(180).quantize(7)])
    inside = bytearray((HERE / "clear.gif").read_bytes())
    inside[6:10] = struct.pack("<HH", W + 3, H + 2)  # a canvas larger than its frame
    bare("canvas.gif", bytes(inside))
    for name, image in [("rgb", rgb()), ("rgba", rgba())]:
        image.save(HERE / f"{name}.webp", lossless=True, exact=True)
        image.save(HERE / f"{name}_lossy.webp", quality=80)
    rgba().save(HERE / "two.webp", save_all=True, append_images=[rgba().rotate(180)], lossless=True)
    rgb().save(HERE / "rgb.ppm")
    grey.save(HERE / "grey.pgm")
    bits.save(HERE / "bits.pbm")
    bare("plain.ppm", b"P3 # a comment\n2 2\n6\n0 1 2  3 4 5\n6 5 4\n# more\n3 2 1\n")
    bare("plain.pbm", b"P1\n3 2\n010\n1 0 1\n")
    bare("seven.ppm", b"P6 2 1 7\n" + bytes([0, 1, 2, 3, 5, 7]))
    bare("deep.ppm", b"P6 2 1 1000\n" + struct.pack(">6H", 0, 1, 250, 499, 777, 1000))


def main():
    draw()
    lines = []
    for path in sorted(HERE.iterdir()):
        if path.suffix in (".py", ".txt"):
            continue
        image = Image.open(path)
        lines.append(f"{path.name} {image.width} {image.height} {image.convert('RGB').tobytes().hex()}\n")
    (HERE / "expected.txt").write_text("".join(lines))
    print(f"{len(lines)} pictures in {HERE}")


if __name__ == "__main__":
    main()

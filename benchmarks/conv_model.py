#!/usr/bin/env python3
"""Predicts the times of our convolutions on tensor cores from their shapes. Measures nothing.

    benchmarks/conv_model.py [--images 64,128,1024] [--network 64] [--all-tiles]

Prints a Markdown table: for each layer and product the size of tile that should be fastest, its
blocks and parts of the depth, and what bounds it. Tiles and the rule that divides the depth are read
from kernels/conv/cuda/tensor_core_conv.{h,cpp}. The machine is an H100 SXM; every rate that is not a
data sheet's is marked below.

A multiprocessor spends on one step of a block (a tile's rows and columns, depth_bytes of depth) the
largest of
    products      rows * columns * depth at 62 % of the dense rate: what mma.sync reaches there
    shared memory what warps read by ldmatrix and copies write, 128 bytes a cycle
    second level  what copies read and the first level has not, this multiprocessor's share of the cache's rate
    instructions  one a cycle and scheduler
    latency       barrier, wait and first ldmatrix behind the products, when it has few blocks
and time = launch + blocks of the busiest multiprocessor * (fill + steps) + the result; at least
every operand once at the memory's rate. A divided depth adds a launch and its partial sums.
"""
import argparse
import dataclasses
import math
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "kernels/conv/cuda"

# H100 SXM.
MULTIPROCESSORS = 132
HZ = 1.755e9
DENSE = 2048  # bf16 multiply-adds a cycle and multiprocessor, data sheet
MMA_SYNC = 0.62  # of it; assumed
SHARED_BYTES = 128  # a cycle, data sheet
L2_BYTES = 5.5e12  # a second, for all; assumed
L2_BYTES_ONE = 64  # a cycle and multiprocessor at most
MEMORY_BYTES = 3.0e12  # a second; measured copy
KEPT = 0.5  # of A of down and up, by the first level: taps 0 and 2, 1 and 3 overlap; assumed no more
LAUNCH = 3e-6  # launch, first loads, last tile; assumed
FILL = 1500  # cycles until the first stage is there; assumed
STEP_LATENCY = 150  # cycles; assumed

KERNEL_TAPS = 16
BF16, F32 = 2, 4


@dataclasses.dataclass(frozen=True)
class Tile:
    name: str
    rows: int
    columns: int
    depth_bytes: int
    stages: int
    warps_down: int
    warps_across: int
    blocks: int

    @property
    def depth(self):
        return self.depth_bytes // BF16


@dataclasses.dataclass(frozen=True)
class Layer:
    """The underlying convolution: an image of 2P x 2Q with C channels, P x Q x K features."""
    name: str
    channels: int
    rows: int
    features: int


NETWORKS = {64: [Layer("D2, G4", 64, 16, 128), Layer("D3, G3", 128, 8, 256),
                 Layer("D4, G2", 256, 4, 512)]}


def tiles():
    text = (SOURCE / "tensor_core_conv.h").read_text()
    body = text[text.index("constexpr TileDescription describe"):]
    found = re.findall(r"TensorCoreTile::t(\w+):\s*(?:return|break;\s*\}\s*return) \{([\d, ]+)\}",
                       body)
    return [Tile(name, *(int(number) for number in numbers.split(","))) for name, numbers in found]


def constant(name):
    text = (SOURCE / "tensor_core_conv.cpp").read_text()
    return int(re.search(name + r" = (\d+);", text)[1])


def shape_of(layer, product, images):
    """(rows, columns, depth, phases) of a product."""
    pixels = images * layer.rows * layer.rows
    if product == "down":
        return pixels, layer.features, KERNEL_TAPS * layer.channels, 1
    if product == "up":
        return pixels, layer.channels, KERNEL_TAPS // 4 * layer.features, 4
    return layer.features, KERNEL_TAPS * layer.channels, pixels, 1


def divide(shape, tile):
    """(tiles, steps of a split, splits): as divide() in tensor_core_conv.cpp."""
    rows, columns, depth, phases = shape
    count = math.ceil(rows / tile.rows) * math.ceil(columns / tile.columns) * phases
    steps = math.ceil(depth / tile.depth)
    wanted = constant("kMultiprocessors") * max(1, 128 * 128 // (tile.rows * tile.columns))
    splits = max(1, min(wanted // count, steps // constant("kFewestSteps")))
    steps_per_split = math.ceil(steps / splits)
    return count, steps_per_split, math.ceil(steps / steps_per_split)


def step_cycles(tile, product, resident, busy):
    """What bounds a step of one block, and its cycles."""
    warps = tile.warps_down * tile.warps_across
    warp_rows, warp_columns = tile.rows // tile.warps_down, tile.columns // tile.warps_across
    products = tile.depth_bytes // 32
    matrices = products * (warp_rows // 16 + warp_columns // 16)  # ldmatrix.x4 of a warp
    copied = (tile.rows + tile.columns) * tile.depth_bytes
    mmas = products * warp_rows // 16 * warp_columns // 8
    instructions = mmas + matrices + 4 * copied // 16 // (32 * warps) + 40
    kept = KEPT * tile.rows * tile.depth_bytes if product != "weights" else 0
    l2 = min(L2_BYTES_ONE, L2_BYTES / HZ / busy)
    by_products = tile.rows * tile.columns * tile.depth / (DENSE * MMA_SYNC)
    cycles = {"products": by_products,
              "shared memory": (matrices * 512 * warps + copied) / SHARED_BYTES,
              "second level": (copied - kept) / l2,
              "instructions": instructions * warps / 4,
              "latency": (by_products + STEP_LATENCY) / resident}
    return max(cycles.items(), key=lambda item: item[1])


def predict(layer, product, images, tile):
    """(seconds, blocks, splits, bound)."""
    shape = shape_of(layer, product, images)
    rows, columns, depth, phases = shape
    count, steps, splits = divide(shape, tile)
    blocks = count * splits
    of_one = math.ceil(blocks / MULTIPROCESSORS)
    busy = min(blocks, MULTIPROCESSORS)
    bound, cycles = step_cycles(tile, product, min(tile.blocks, of_one), busy)
    elements = rows * columns * phases
    element = F32 if splits > 1 or product == "weights" else BF16
    waves = math.ceil(of_one / tile.blocks)
    seconds = (of_one * steps * cycles + waves * FILL) / HZ
    seconds += min(tile.blocks, of_one) * busy * tile.rows * tile.columns * element / L2_BYTES
    image = 4 * images * layer.rows**2 * layer.channels * BF16
    features = images * layer.rows**2 * layer.features * BF16
    weights = KERNEL_TAPS * layer.channels * layer.features * (F32 if product == "weights" else BF16)
    from_memory = (image + features + weights) / MEMORY_BYTES
    if from_memory > seconds:
        bound, seconds = "memory", from_memory
    if splits > 1:
        seconds += LAUNCH + elements * (splits * F32 + element) / L2_BYTES
    return LAUNCH + seconds, blocks, splits, bound


def fastest(layer, product, images):
    """Predictions of every tile that fits, best first."""
    return sorted((*predict(layer, product, images, tile), tile.name)
                  for tile in tiles() if fits(layer, product, tile))


def step_seconds(layers, batch):
    """All products of a training step: D over both halves, D over the fake one, G."""
    passes = [(2 * batch, "down"), (2 * batch, "up"), (2 * batch, "weights"),
              (batch, "down"), (batch, "up"), (batch, "up"), (batch, "down"), (batch, "weights")]
    return sum(fastest(layer, product, images)[0][0]
               for layer in layers for images, product in passes)


def fits(layer, product, tile):
    inner = {"down": layer.channels, "up": layer.features, "weights": tile.depth}[product]
    return inner % tile.depth == 0


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--images", default="64,128,1024", help="images of a pass, by commas")
    options.add_argument("--network", type=int, default=64, choices=NETWORKS, help="pixels")
    options.add_argument("--all-tiles", action="store_true", help="not only the fastest tile")
    args = options.parse_args()
    print("| layer | product | images | tile | blocks | parts | bound by | us | TFLOP/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for layer in NETWORKS[args.network]:
        for product in ("down", "up", "weights"):
            for images in (int(word) for word in args.images.split(",")):
                flops = 2 * KERNEL_TAPS * layer.channels * layer.features * images * layer.rows**2
                lines = fastest(layer, product, images)
                for seconds, blocks, splits, bound, name in lines[:None if args.all_tiles else 1]:
                    print(f"| {layer.name} | {product} | {images} | {name} | {blocks} | {splits} | "
                          f"{bound} | {seconds * 1e6:.1f} | {flops / seconds / 1e12:.0f} |")
    for batch in (int(word) for word in args.images.split(",")):
        seconds = step_seconds(NETWORKS[args.network], batch)
        print(f"\nA step of batch {batch}, all 24 products: {seconds * 1e6:.0f} us.")


if __name__ == "__main__":
    main()

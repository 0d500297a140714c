"""conv_model.py reads the tiles from the sources and divides products as the kernels do."""

import pathlib
import subprocess
import sys
import unittest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import conv_model  # noqa: E402


class Model(unittest.TestCase):
    def test_tiles_are_those_of_the_sources(self):
        sizes = {tile.name: (tile.rows, tile.columns, tile.depth_bytes, tile.blocks)
                 for tile in conv_model.tiles()}
        self.assertEqual(sizes, {"256x128": (256, 128, 128, 1), "128x128": (128, 128, 128, 2),
                                 "128x64": (128, 64, 128, 3), "64x64": (64, 64, 128, 4),
                                 "64x64_shallow": (64, 64, 64, 4)})

    def test_products_are_divided_as_the_kernels_divide_them(self):
        # The same figures stand in tests/kernels/emulated/tensor_core_conv_test.cpp.
        tiles = {tile.name: tile for tile in conv_model.tiles()}
        layers = {layer.name: layer for layer in conv_model.NETWORKS[64]}
        for name, product, tile, tiles_of, splits in [
                ("D4, G2", "down", "128x128", 32, 4), ("D4, G2", "up", "128x64", 128, 2),
                ("D2, G4", "weights", "256x128", 8, 16), ("D3, G3", "up", "64x64", 512, 1)]:
            shape = conv_model.shape_of(layers[name], product, 64)
            count, _, parts = conv_model.divide(shape, tiles[tile])
            self.assertEqual((count, parts), (tiles_of, splits), (name, product, tile))

    def test_the_table_has_a_line_for_each_product_and_number_of_images(self):
        done = subprocess.run([sys.executable, BENCHMARKS / "conv_model.py", "--images", "64,128"],
                              capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        self.assertEqual(sum(line.startswith("| D") for line in lines), 3 * 3 * 2)
        self.assertEqual(sum(line.startswith("A step") for line in lines), 2)


if __name__ == "__main__":
    unittest.main()

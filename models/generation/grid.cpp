#include "models/generation/grid.h"

#include <algorithm>
#include <cmath>

namespace dcgan {
namespace {

/// The smallest number of columns whose square holds all.
std::int64_t square_side(std::int64_t count) {
  auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(count)));
  while (side * side < count) ++side;
  return side;
}

}  // namespace

Image make_grid(ConstTensorView images, int columns, int padding) {
  const Shape& shape = images.shape;
  DCGAN_CHECK(shape.rank() == 4 && shape[0] >= 1 && (shape[3] == 1 || shape[3] == 3),
              "grid: images are {}, expected (N, H, W, 1 or 3) with N >= 1", to_string(shape));
  DCGAN_CHECK(columns >= 0 && padding >= 0, "grid: {} columns, padding {}", columns, padding);
  const std::int64_t count = shape[0], height = shape[1], width = shape[2], channels = shape[3];
  const std::int64_t across =
      columns > 0 ? std::min<std::int64_t>(columns, count) : square_side(count);
  const std::int64_t down = (count + across - 1) / across;

  Image grid;
  grid.width = static_cast<int>(across * (width + padding) + padding);
  grid.height = static_cast<int>(down * (height + padding) + padding);
  grid.channels = static_cast<int>(channels);
  const std::int64_t grid_row = grid.width * channels;
  grid.pixels.resize(static_cast<std::size_t>(grid.height * grid_row));

  const std::uint8_t* source = images.as<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t top = (i / across) * (height + padding) + padding;
    const std::int64_t left = (i % across) * (width + padding) + padding;
    for (std::int64_t row = 0; row < height; ++row) {
      std::copy_n(source, width * channels,
                  grid.pixels.data() + (top + row) * grid_row + left * channels);
      source += width * channels;
    }
  }
  return grid;
}

}  // namespace dcgan

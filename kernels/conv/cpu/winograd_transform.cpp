#include "kernels/conv/cpu/winograd_transform.h"

#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

constexpr int kLanes = static_cast<int>(WinogradShape::kLanes);
using Lanes = float[kLanes];

constexpr Lanes kZeros = {};

inline void put(const float* a, float* __restrict out) {
  for (int i = 0; i < kLanes; ++i) out[i] = a[i];
}
inline void add(const float* a, const float* b, float* __restrict out) {
  for (int i = 0; i < kLanes; ++i) out[i] = a[i] + b[i];
}
inline void subtract(const float* a, const float* b, float* __restrict out) {
  for (int i = 0; i < kLanes; ++i) out[i] = a[i] - b[i];
}
/// out = middle - first - last.
inline void middle(const float* first, const float* between, const float* last,
                   float* __restrict out) {
  for (int i = 0; i < kLanes; ++i) out[i] = between[i] - first[i] - last[i];
}

/// Where the values (phase, point) of both axes lie in U or V.
struct Points {
  const WinogradShape& shape;
  std::int64_t rows;  // T, or A for weights

  /// y, x: phase * 3 + point.
  std::int64_t offset(std::int64_t y, std::int64_t x, std::int64_t row) const {
    const std::int64_t point = y % 3 * 3 + x % 3;
    const std::int64_t phase = y / 3 * 2 + x / 3;
    return (point * rows + row) * shape.image_row() + phase * shape.channels;
  }
};

/// Calls body(n, tile row) for the rows of tiles of a piece, in parallel.
template <class Body>
void for_tile_rows(const WinogradShape& shape, std::int64_t images, const Body& body) {
  parallel_for(images * shape.tile_rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i / shape.tile_rows, i % shape.tile_rows);
  });
}

/// The six pixels of a column from `top` on become its six (phase, point) values.
inline void column_to_points(const float* const pixels[6], Lanes out[6][6], int column) {
  for (int f = 0; f < 2; ++f) {
    subtract(pixels[f], pixels[f + 2], out[f * 3][column]);
    put(pixels[f + 2], out[f * 3 + 1][column]);
    subtract(pixels[f + 4], pixels[f + 2], out[f * 3 + 2][column]);
  }
}

}  // namespace

bool WinogradShape::fits(const UnderlyingConv& s) {
  return s.dtype == DType::f32 && s.kernel == 4 && s.stride == 2 && s.padding == 1 &&
         s.features[1] % 2 == 0 && s.features[2] % 2 == 0 && s.image[1] == 2 * s.features[1] &&
         s.image[2] == 2 * s.features[2] && s.image[3] % kLanes == 0 && s.features[3] % kLanes == 0;
}

void image_to_points(const WinogradShape& shape, const float* image, std::int64_t images,
                     float* u) {
  const std::int64_t height = shape.tile_rows * 4, width = shape.tile_columns * 4;
  const Points points{shape, images * shape.image_tiles()};
  for_tile_rows(shape, images, [&](std::int64_t n, std::int64_t tile_row) {
    const float* source = image + n * shape.image_elements();
    for (std::int64_t tile_column = 0; tile_column < shape.tile_columns; ++tile_column) {
      const std::int64_t tile = (n * shape.tile_rows + tile_row) * shape.tile_columns + tile_column;
      for (std::int64_t c = 0; c < shape.channels; c += kLanes) {
        Lanes columns[6][6];
        for (int d = 0; d < 6; ++d) {
          const float* pixels[6];
          const std::int64_t x = tile_column * 4 - 1 + d;
          for (int e = 0; e < 6; ++e) {
            const std::int64_t y = tile_row * 4 - 1 + e;
            const bool inside = y >= 0 && y < height && x >= 0 && x < width;
            pixels[e] = inside ? source + (y * width + x) * shape.channels + c : kZeros;
          }
          column_to_points(pixels, columns, d);
        }
        for (int y = 0; y < 6; ++y) {
          for (int f = 0; f < 2; ++f) {
            const Lanes* in = columns[y];
            subtract(in[f], in[f + 2], u + points.offset(y, f * 3, tile) + c);
            put(in[f + 2], u + points.offset(y, f * 3 + 1, tile) + c);
            subtract(in[f + 4], in[f + 2], u + points.offset(y, f * 3 + 2, tile) + c);
          }
        }
      }
    }
  });
}

void points_to_image(const WinogradShape& shape, const float* du, std::int64_t images,
                     float* image) {
  const std::int64_t width = shape.tile_columns * 4;
  const Points points{shape, images * shape.image_tiles()};
  for_tile_rows(shape, images, [&](std::int64_t n, std::int64_t tile_row) {
    float* target = image + n * shape.image_elements();
    const std::int64_t first = (n * shape.tile_rows + tile_row) * shape.tile_columns;
    // The value (y, x) of the tile that is `down` below and `right` beside.
    const auto at = [&](std::int64_t y, std::int64_t x, std::int64_t column, std::int64_t down,
                        std::int64_t right, std::int64_t c) -> const float* {
      const bool inside = tile_row + down >= 0 && tile_row + down < shape.tile_rows &&
                          column + right >= 0 && column + right < shape.tile_columns;
      if (!inside) return kZeros;
      return du + points.offset(y, x, first + column + down * shape.tile_columns + right) + c;
    };
    // Along one axis a tile's four pixels take: (1,0) and the last tile's (1,2); all of phase 0;
    // all of phase 1; (0,2) and the next tile's (0,0).
    constexpr int kAcross[8] = {5, 0, 1, 2, 3, 4, 5, 0};
    constexpr int kTile[8] = {-1, 0, 0, 0, 0, 0, 0, 1};
    for (std::int64_t column = 0; column < shape.tile_columns; ++column) {
      for (std::int64_t c = 0; c < shape.channels; c += kLanes) {
        Lanes rows[4][8];
        for (int k = 0; k < 8; ++k) {
          const auto of = [&](int y, int down) {
            return at(y, kAcross[k], column, down, kTile[k], c);
          };
          add(of(3, 0), of(5, -1), rows[0][k]);
          middle(of(0, 0), of(1, 0), of(2, 0), rows[1][k]);
          middle(of(3, 0), of(4, 0), of(5, 0), rows[2][k]);
          add(of(2, 0), of(0, 1), rows[3][k]);
        }
        for (int y = 0; y < 4; ++y) {
          const Lanes* in = rows[y];
          float* out = target + ((tile_row * 4 + y) * width + column * 4) * shape.channels + c;
          add(in[4], in[0], out);
          middle(in[1], in[2], in[3], out + shape.channels);
          middle(in[4], in[5], in[6], out + 2 * shape.channels);
          add(in[3], in[7], out + 3 * shape.channels);
        }
      }
    }
  });
}

void features_to_points(const WinogradShape& shape, const float* features, std::int64_t images,
                        float* dm) {
  const std::int64_t width = shape.tile_columns * 2, filters = shape.filters;
  const std::int64_t point = images * shape.image_tiles() * shape.feature_row();
  for_tile_rows(shape, images, [&](std::int64_t n, std::int64_t tile_row) {
    for (std::int64_t column = 0; column < shape.tile_columns; ++column) {
      const float* source =
          features + n * shape.feature_elements() + (tile_row * 2 * width + column * 2) * filters;
      float* tile = dm + ((n * shape.tile_rows + tile_row) * shape.tile_columns + column) *
                             shape.feature_row();
      for (std::int64_t a = 0; a < filters; a += kLanes) {
        Lanes sums[3][2];
        for (int x = 0; x < 2; ++x) {
          const float* top = source + x * filters + a;
          put(top, sums[0][x]);
          add(top, top + width * filters, sums[1][x]);
          put(top + width * filters, sums[2][x]);
        }
        for (int y = 0; y < 3; ++y) {
          float* out = tile + y * 3 * point + a;
          put(sums[y][0], out);
          add(sums[y][0], sums[y][1], out + point);
          put(sums[y][1], out + 2 * point);
        }
      }
    }
  });
}

void points_to_features(const WinogradShape& shape, const float* m, std::int64_t images,
                        float* features) {
  const std::int64_t width = shape.tile_columns * 2, filters = shape.filters;
  const std::int64_t point = images * shape.image_tiles() * shape.feature_row();
  for_tile_rows(shape, images, [&](std::int64_t n, std::int64_t tile_row) {
    for (std::int64_t column = 0; column < shape.tile_columns; ++column) {
      float* target =
          features + n * shape.feature_elements() + (tile_row * 2 * width + column * 2) * filters;
      const float* tile = m + ((n * shape.tile_rows + tile_row) * shape.tile_columns + column) *
                                  shape.feature_row();
      for (std::int64_t a = 0; a < filters; a += kLanes) {
        Lanes sums[2][3];
        for (int x = 0; x < 3; ++x) {
          const float* top = tile + x * point + a;
          add(top, top + 3 * point, sums[0][x]);
          add(top + 3 * point, top + 6 * point, sums[1][x]);
        }
        for (int y = 0; y < 2; ++y) {
          float* out = target + y * width * filters + a;
          add(sums[y][0], sums[y][1], out);
          add(sums[y][1], sums[y][2], out + filters);
        }
      }
    }
  });
}

void weights_to_points(const WinogradShape& shape, const float* weights, float* v) {
  const std::int64_t channels = shape.channels;
  const Points points{shape, shape.filters};
  parallel_for(shape.filters, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t a = begin; a < end; ++a) {
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        const float* taps = weights + a * 16 * channels + c;
        Lanes columns[6][4];
        for (int s = 0; s < 4; ++s) {
          for (int f = 0; f < 2; ++f) {
            const float* first = taps + (f * 4 + s) * channels;
            const float* last = first + 8 * channels;
            put(first, columns[f * 3][s]);
            add(first, last, columns[f * 3 + 1][s]);
            put(last, columns[f * 3 + 2][s]);
          }
        }
        for (int y = 0; y < 6; ++y) {
          for (int f = 0; f < 2; ++f) {
            const Lanes* in = columns[y];
            put(in[f], v + points.offset(y, f * 3, a) + c);
            add(in[f], in[f + 2], v + points.offset(y, f * 3 + 1, a) + c);
            put(in[f + 2], v + points.offset(y, f * 3 + 2, a) + c);
          }
        }
      }
    }
  });
}

void points_to_weights(const WinogradShape& shape, const float* dv, float* dweights) {
  const std::int64_t channels = shape.channels;
  const Points points{shape, shape.filters};
  parallel_for(shape.filters, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t a = begin; a < end; ++a) {
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        Lanes rows[6][4];
        for (int y = 0; y < 6; ++y) {
          for (int f = 0; f < 2; ++f) {
            const float* between = dv + points.offset(y, f * 3 + 1, a) + c;
            add(dv + points.offset(y, f * 3, a) + c, between, rows[y][f]);
            add(between, dv + points.offset(y, f * 3 + 2, a) + c, rows[y][f + 2]);
          }
        }
        float* taps = dweights + a * 16 * channels + c;
        for (int s = 0; s < 4; ++s) {
          for (int f = 0; f < 2; ++f) {
            add(rows[f * 3][s], rows[f * 3 + 1][s], taps + (f * 4 + s) * channels);
            add(rows[f * 3 + 1][s], rows[f * 3 + 2][s], taps + ((f + 2) * 4 + s) * channels);
          }
        }
      }
    }
  });
}

}  // namespace dcgan::cpu

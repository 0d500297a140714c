// Minimal filtering (Winograd 1980) of the 4 x 4 kernel with stride 2 and padding 1. Taken by even
// and odd pixels, the stride-2 convolution is a sum of four 2 x 2 convolutions of stride 1, and a
// 2 x 2 tile of small needs 9 products a channel and phase instead of 16:
//
//   gather            small = A(M),       M[ij] = U[ij] V[ij]^T        U = B(big), V = G(weights)
//   scatter           big = B*(dU),      dU[ij] = dM[ij] V[ij]         dM = A*(small)
//   weight_gradient   dweights = G*(dV), dV[ij] = dM[ij]^T U[ij]
//
// for the 9 points ij, where * is the adjoint: the three passes are one algebra. Along one axis,
// for phase f in {0, 1}, with the six pixels d0..d5 from 4t - 1 on and the four taps g0..g3:
//   B: u0 = d[f] - d[f+2]   u1 = d[f+2]          u2 = d[f+4] - d[f+2]
//   G: v0 = g[f]            v1 = g[f] + g[f+2]   v2 = g[f+2]
//   A: y0 = m0 + m1         y1 = m1 + m2
// Factors are 0 and +-1 only, so f32 loses about a bit against the plain sum.
#pragma once

#include <cstdint>

#include "kernels/conv/cpu/algorithm.h"

namespace dcgan::cpu {

struct FilteringShape {
  static constexpr std::int64_t kPoints = 9;
  static constexpr std::int64_t kLanes = 16;  ///< channels of either side: a multiple of it

  static constexpr std::int64_t kPadding = 16;

  std::int64_t tile_rows, tile_columns;  // P / 2, Q / 2
  std::int64_t channels, outputs;        // B of big, A of small

  explicit FilteringShape(const ConvSides& s)
      : tile_rows(s.small[1] / 2),
        tile_columns(s.small[2] / 2),
        channels(s.big[3]),
        outputs(s.small[3]) {}
  /// Whether the shape is one that these functions compute.
  static bool fits(const ConvSides& sides);

  std::int64_t image_tiles() const { return tile_rows * tile_columns; }
  std::int64_t big_elements() const { return image_tiles() * 16 * channels; }  // of an image
  std::int64_t small_elements() const { return image_tiles() * 4 * outputs; }  // of an image
  // Lengths of a row of U or V, and of M. Padded, or powers of two would put a matrix's rows into
  // a few sets of the caches (the products lose up to a fifth).
  std::int64_t big_row() const { return 4 * channels + kPadding; }
  std::int64_t small_row() const { return outputs + kPadding; }
};

// T tiles are those of `images` whole images. U and dU: (9, T, 4 B); M and dM: (9, T, A); V and dV:
// (9, A, 4 B), phases before channels in 4 B, rows padded.
void big_to_points(const FilteringShape& shape, const float* big, std::int64_t images, float* u);
void points_to_big(const FilteringShape& shape, const float* du, std::int64_t images, float* big);
void small_to_points(const FilteringShape& shape, const float* small, std::int64_t images,
                     float* dm);
void points_to_small(const FilteringShape& shape, const float* m, std::int64_t images,
                     float* small);
void weights_to_points(const FilteringShape& shape, const float* weights, float* v);
void points_to_weights(const FilteringShape& shape, const float* dv, float* dweights);

}  // namespace dcgan::cpu

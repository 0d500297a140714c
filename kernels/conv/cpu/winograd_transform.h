// Winograd's minimal filtering (1980; Lavin and Gray 2016) of the 4 x 4 kernel with stride 2 and
// padding 1. Split by even and odd pixels, the stride-2 convolution is a sum of four 2 x 2
// convolutions of stride 1, and a 2 x 2 tile of the features needs 9 products a channel and phase
// instead of 16:
//
//   forward           features = A(M)      M[ij]  = U[ij] V[ij]^T     U = B(image), V = G(weights)
//   backward_data     image = B*(dU)       dU[ij] = dM[ij] V[ij]      dM = A*(features)
//   backward_weights  dweights = G*(dV)    dV[ij] = dM[ij]^T U[ij]
//
// for the 9 points ij, where * is the adjoint: the three products are one algebra. Along one axis,
// for phase f in {0, 1}, with the six pixels d0..d5 from 4t - 1 on and the four taps g0..g3:
//   B: u0 = d[f] - d[f+2]   u1 = d[f+2]          u2 = d[f+4] - d[f+2]
//   G: v0 = g[f]            v1 = g[f] + g[f+2]   v2 = g[f+2]
//   A: y0 = m0 + m1         y1 = m1 + m2
// Factors are 0 and +-1 only, so f32 loses about a bit against the plain sum.
#pragma once

#include <cstdint>

#include "kernels/conv/underlying.h"

namespace dcgan::cpu {

struct WinogradShape {
  static constexpr std::int64_t kPoints = 9;
  static constexpr std::int64_t kLanes = 16;  ///< C and K: multiples of it

  static constexpr std::int64_t kPadding = 16;

  std::int64_t tile_rows, tile_columns;  // P / 2, Q / 2
  std::int64_t channels, filters;        // C, K

  explicit WinogradShape(const UnderlyingConv& s)
      : tile_rows(s.features[1] / 2),
        tile_columns(s.features[2] / 2),
        channels(s.image[3]),
        filters(s.features[3]) {}
  /// Whether the shape is one that these functions compute.
  static bool fits(const UnderlyingConv& conv);

  std::int64_t image_tiles() const { return tile_rows * tile_columns; }
  std::int64_t image_elements() const { return image_tiles() * 16 * channels; }  // of an image
  std::int64_t feature_elements() const { return image_tiles() * 4 * filters; }  // of an image
  // Lengths of a row of U or V, and of M. Padded, or powers of two would put a matrix's rows into
  // a few sets of the caches (the products lose up to a fifth).
  std::int64_t image_row() const { return 4 * channels + kPadding; }
  std::int64_t feature_row() const { return filters + kPadding; }
};

// T tiles are those of `images` whole images. U and dU: (9, T, 4 C); M and dM: (9, T, K); V and dV:
// (9, K, 4 C), phases before channels in 4 C, rows padded.
void image_to_points(const WinogradShape& shape, const float* image, std::int64_t images, float* u);
void points_to_image(const WinogradShape& shape, const float* du, std::int64_t images,
                     float* image);
void features_to_points(const WinogradShape& shape, const float* features, std::int64_t images,
                        float* dm);
void points_to_features(const WinogradShape& shape, const float* m, std::int64_t images,
                        float* features);
void weights_to_points(const WinogradShape& shape, const float* weights, float* v);
void points_to_weights(const WinogradShape& shape, const float* dv, float* dweights);

}  // namespace dcgan::cpu

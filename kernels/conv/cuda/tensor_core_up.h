// The image from features. Pixel (2 i + a, 2 j + b) of the image, of phase (a, b), is read by the
// windows of four feature pixels only, (i + a - 1 + u, j + b - 1 + v) for u, v = 0, 1, through tap
// (3 - a - 2 u, 3 - b - 2 v). So each phase is a product of its own: row m is the 2 x 2 window of
// pixel m = (n, i, j) in the features, which begins at (i + a - 1, j + b - 1); column c a channel;
// along the depth a step's features of (u, v) = (0, 0), (0, 1), (1, 0), (1, 1), then those of the
// next step: v = 1 of a pixel reads what v = 0 of the next one reads, and u likewise.
#pragma once

#include "kernels/conv/cuda/tensor_core_launch.h"

namespace dcgan::cuda {

template <class T>
struct UpProduct {
  WindowedTensor<T> features;  // its window begins at the pixel itself: the phase moves it
  PixelGrid grid;
  const T* weights;
  int channels;
  ProductDivision division;

  static constexpr int kWindow = 2;
  static constexpr int kKernel = 4;
  static constexpr TensorCoreProduct kProduct = TensorCoreProduct::up;

  UpProduct(const TensorCoreConv& conv, const TensorCoreOperands& operands,
            const ProductDivision& by)
      : features{operands.features.as<T>(),
                 conv.rows,
                 conv.columns,
                 conv.features,
                 /*stride=*/1,
                 /*first_row=*/0,
                 /*first_column=*/0},
        grid(conv.images, conv.rows, conv.columns),
        weights(operands.weights.as<T>()),
        channels(conv.channels),
        division(by) {}

  __device__ __forceinline__ int columns() const { return channels; }

  /// The element of the result where a row of a block's tile begins; negative: there is none.
  __device__ __forceinline__ std::int64_t row_offset(const BlockPlace& place, int row) const {
    if (row >= place.rows_left) return -1;
    const Pixel pixel = pixel_at(grid, place.row + row);
    const int height = 2 * static_cast<int>(grid.by_row.divisor);
    const int width = 2 * static_cast<int>(grid.by_column.divisor);
    const std::int64_t h = std::int64_t{pixel.image} * height + 2 * pixel.row + place.phase / 2;
    return (h * width + 2 * pixel.column + place.phase % 2) * channels + place.column;
  }
};

template <class T, class Tile>
struct UpCopies {
  using A = DepthInner<T, Tile::kRows, Tile::kDepthBytes>;
  using B = DepthOuter<T, Tile::kColumns, Tile::kDepthBytes>;
  static constexpr int kWindow = UpProduct<T>::kWindow;
  static constexpr int kKernel = UpProduct<T>::kKernel;
  static constexpr int kTaps = kWindow * kWindow;
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ UpCopies(const UpProduct<T>& product, const BlockPlace& place)
      : features(moved(product.features, place.phase), product.grid, place.row),
        filters(product.weights, place.column, product.channels,
                kKernel * kKernel * product.channels),
        width(product.features.width),
        feature_count(product.features.channels),
        channels(product.channels),
        last_tap((3 - place.phase / 2) * kKernel + 3 - place.phase % 2),
        tap(place.first_step % kTaps),
        feature(place.first_step / kTaps * kDepth) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    const int u = tap / kWindow;
    const int v = tap % kWindow;
    features.enqueue(tile_a, tap, (u * width + v) * feature_count, feature);
    const int kernel_tap = last_tap - 2 * (u * kKernel + v);
    filters.enqueue(tile_b, (feature * kKernel * kKernel + kernel_tap) * channels);
    if (++tap == kTaps) {
      tap = 0;
      feature += kDepth;
    }
  }

  __device__ static __forceinline__ WindowedTensor<T> moved(WindowedTensor<T> features, int phase) {
    features.first_row = phase / 2 - 1;
    features.first_column = phase % 2 - 1;
    return features;
  }

  WindowRows<T, A, Tile::kThreads, kWindow> features;
  FilterColumns<T, B, Tile::kThreads> filters;
  int width;
  int feature_count;
  int channels;
  int last_tap;  // of the kernel, for (u, v) = (0, 0)
  int tap;       // of the window, of the next step
  int feature;   // first of the next step
};

}  // namespace dcgan::cuda

// Features from the image: row m is the 4 x 4 window of feature pixel m, column k a feature. Along
// the depth a step's channels of all taps (r, s), then those of the next step. Both r and s go
// 0, 2, 1, 3: with stride 2, tap s of a pixel reads what tap s - 2 of the next one reads, and r
// likewise.
#pragma once

#include "kernels/conv/cuda/tensor_core_launch.h"

namespace dcgan::cuda {

template <class T>
struct DownProduct {
  WindowedTensor<T> image;
  PixelGrid grid;
  const T* weights;
  int features;
  ProductDivision division;

  static constexpr int kWindow = 4;
  static constexpr TensorCoreProduct kProduct = TensorCoreProduct::down;

  DownProduct(const TensorCoreConv& conv, const TensorCoreOperands& operands,
              const ProductDivision& by)
      : image{operands.image.as<T>(), conv.height,      conv.width,         conv.channels,
              /*stride=*/2,           /*first_row=*/-1, /*first_column=*/-1},
        grid(conv.images, conv.rows, conv.columns),
        weights(operands.weights.as<T>()),
        features(conv.features),
        division(by) {}

  __device__ __forceinline__ int columns() const { return features; }

  /// The element of the result where a row of a block's tile begins; negative: there is none.
  __device__ __forceinline__ std::int64_t row_offset(const BlockPlace& place, int row) const {
    if (row >= place.rows_left) return -1;
    return std::int64_t{place.row + row} * features + place.column;
  }
};

template <class T, class Tile>
struct DownCopies {
  using A = DepthInner<T, Tile::kRows, Tile::kDepthBytes>;
  using B = DepthInner<T, Tile::kColumns, Tile::kDepthBytes>;
  static constexpr int kWindow = DownProduct<T>::kWindow;
  static constexpr int kTaps = kWindow * kWindow;
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ DownCopies(const DownProduct<T>& product, const BlockPlace& place)
      : image(product.image, product.grid, place.row),
        filters(product.weights, place.column, product.features,
                kWindow * kWindow * product.image.channels),
        width(product.image.width),
        channels(product.image.channels),
        turn(place.first_step % kTaps),
        channel(place.first_step / kTaps * kDepth) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    const int r = in_turn(turn / kWindow);
    const int s = in_turn(turn % kWindow);
    const int tap = r * kWindow + s;
    image.enqueue(tile_a, tap, (r * width + s) * channels, channel);
    filters.enqueue(tile_b, tap * channels + channel);
    if (++turn == kTaps) {
      turn = 0;
      channel += kDepth;
    }
  }

  /// 0, 2, 1, 3.
  __device__ static __forceinline__ int in_turn(int i) { return i % 2 * 2 + i / 2; }

  WindowRows<T, A, Tile::kThreads, kWindow> image;
  FilterRows<T, B, Tile::kThreads> filters;
  int width;
  int channels;
  int turn;     // of the taps, of the next step
  int channel;  // first of the next step
};

}  // namespace dcgan::cuda

// Features from the image: row m is the 4 x 4 window of feature pixel m, column k a feature; along
// the depth the channels of tap (0, 0), (0, 1), ... as they lie in the weights.
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
  static constexpr int kDepth = Tile::template kDepth<T>;

  __device__ __forceinline__ DownCopies(const DownProduct<T>& product, const BlockPlace& place)
      : image(product.image, product.grid, place.row),
        filters(product.weights, place.column, product.features,
                kWindow * kWindow * product.image.channels),
        width(product.image.width),
        channels(product.image.channels),
        tap(place.first_step * kDepth / channels),
        channel(place.first_step * kDepth - tap * channels) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile_a, unsigned char* tile_b) {
    const int pixels = tap / kWindow * width + tap % kWindow;
    image.enqueue(tile_a, tap, pixels * channels, channel);
    filters.enqueue(tile_b, tap * channels + channel);
    channel += kDepth;
    if (channel == channels) {
      channel = 0;
      ++tap;
    }
  }

  WindowRows<T, A, Tile::kThreads, kWindow> image;
  FilterRows<T, B, Tile::kThreads> filters;
  int width;
  int channels;
  int tap;  // of the next step
  int channel;
};

}  // namespace dcgan::cuda

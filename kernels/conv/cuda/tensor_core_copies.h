// How the factors of our convolutions on tensor cores come from global to shared memory. Each
// struct here is one thread's share of a tile: what does not change from step to step (offsets,
// which taps lie inside of the image) is found once, in the constructor.
//
// Offsets count elements and fit in 31 bits (tensor_core_fits).
#pragma once

#include "kernels/common/cuda/async_copy.h"
#include "kernels/conv/cuda/tensor_core_tile.h"

namespace dcgan::cuda {

/// Division of numbers n below 2^31 by a d that the host knows, d <= 2^bits, as n * multiplier /
/// 2^(31 + bits), where multiplier is less than 1 above 2^(31 + bits) / d: the product is at most
/// n / 2^(31 + bits) < 1 / d above n / d, so that its integer part is right.
struct FastDivisor {
  unsigned divisor = 1;
  unsigned multiplier = 0x80000001u;
  int shift = 31;

  FastDivisor() = default;
  explicit FastDivisor(int by) : divisor(static_cast<unsigned>(by)) {
    int bits = 0;
    while ((1u << bits) < divisor) ++bits;
    shift = 31 + bits;
    multiplier = static_cast<unsigned>((1ull << shift) / divisor + 1);
  }

  __device__ __forceinline__ int divide(int n) const {
    return static_cast<int>(
        static_cast<unsigned long long>(static_cast<unsigned>(n)) * multiplier >> shift);
  }
  __device__ __forceinline__ int remainder(int n, int quotient) const {
    return n - quotient * static_cast<int>(divisor);
  }
};

/// The batch's feature pixels: (N, P, Q), counted along columns, rows, then images.
struct PixelGrid {
  int pixels = 0;
  FastDivisor by_row;     // P
  FastDivisor by_column;  // Q

  PixelGrid(int images, int rows, int columns)
      : pixels(images * rows * columns), by_row(rows), by_column(columns) {}
};

struct Pixel {
  int image;
  int row;
  int column;
};

__device__ __forceinline__ Pixel pixel_at(const PixelGrid& grid, int index) {
  const int line = grid.by_column.divide(index);
  const int image = grid.by_row.divide(line);
  return {image, grid.by_row.remainder(line, image), grid.by_column.remainder(index, line)};
}

/// A tensor (N, height, width, channels) under a window that moves with the pixels of a grid: the
/// window of pixel (n, p, q) begins at (first_row + p * stride, first_column + q * stride) of image
/// n. Outside is zero.
template <class T>
struct WindowedTensor {
  const T* data;
  int height;
  int width;
  int channels;
  int stride;
  int first_row;
  int first_column;
};

/// Which chunks of a tile a thread copies: one of each kRowsAtOnce-th row, always the same chunk.
template <class Shared, int threads>
struct ThreadChunks {
  static constexpr int kRowsAtOnce = threads / Shared::kChunks;
  static constexpr int kCount = Shared::kRows / kRowsAtOnce;
  static_assert(threads % Shared::kChunks == 0 && Shared::kRows % kRowsAtOnce == 0 && kCount <= 32);
  static_assert(kRowsAtOnce % Shared::kPeriod == 0, "to() counts on it");

  __device__ static __forceinline__ int chunk() {
    return static_cast<int>(threadIdx.x) % Shared::kChunks;
  }
  __device__ static __forceinline__ int row(int i) {
    return static_cast<int>(threadIdx.x) / Shared::kChunks + i * kRowsAtOnce;
  }
  __device__ static __forceinline__ unsigned char* to(unsigned char* tile, int i) {
    return tile + Shared::offset(row(0), chunk()) + i * kRowsAtOnce * Shared::kRowBytes;
  }
};

/// A of `down` and `up`, (pixels, taps x channels): row m is the window of pixel first_pixel + m,
/// window x window taps. The windows of neighbouring pixels overlap: a value is read by several
/// taps of the tile, which follow each other (see the orders of taps in tensor_core_down.h and
/// _up.h), so that all but the first find it in the first-level cache. Else the second level would
/// be what bounds these kernels.
template <class T, class Shared, int threads, int window>
class WindowRows {
 public:
  using Chunks = ThreadChunks<Shared, threads>;

  __device__ __forceinline__ WindowRows(const WindowedTensor<T>& from, const PixelGrid& grid,
                                        int first_pixel)
      : data_(from.data + Chunks::chunk() * kWide<T>) {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      const int index = first_pixel + Chunks::row(i);
      const Pixel pixel = pixel_at(grid, index < grid.pixels ? index : 0);
      const int h = from.first_row + pixel.row * from.stride;
      const int w = from.first_column + pixel.column * from.stride;
      offset_[i] = ((pixel.image * from.height + h) * from.width + w) * from.channels;
      unsigned columns = 0;  // bit s: column s of the window lies inside
#pragma unroll
      for (int s = 0; s < window; ++s) columns |= inside(w + s, from.width) << s;
      unsigned taps = 0;
#pragma unroll
      for (int r = 0; r < window; ++r) {
        const bool row_inside = index < grid.pixels && inside(h + r, from.height) != 0;
        taps |= row_inside ? columns << (window * r) : 0;
      }
      taps_[i / 2] = i % 2 == 0 ? taps : taps_[i / 2] | taps << 16;
    }
  }

  /// The channels from `channel` on of a tap; `tap_offset`: elements from the window's first pixel.
  __device__ __forceinline__ void enqueue(unsigned char* tile, int tap, int tap_offset,
                                          int channel) const {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      copy_async_16_kept(Chunks::to(tile, i), data_ + (offset_[i] + tap_offset + channel),
                         (taps_[i / 2] >> (tap + i % 2 * 16) & 1u) != 0);
    }
  }

 private:
  __device__ static __forceinline__ unsigned inside(int at, int extent) {
    return at >= 0 && at < extent ? 1u : 0u;
  }

  const T* data_;
  int offset_[Chunks::kCount];
  unsigned taps_[(Chunks::kCount + 1) / 2];  // two rows a word; bit `tap`: it lies inside
};

/// B of `down`, (features, depth) as the weights are stored.
template <class T, class Shared, int threads>
class FilterRows {
 public:
  using Chunks = ThreadChunks<Shared, threads>;

  __device__ __forceinline__ FilterRows(const T* weights, int first_feature, int features,
                                        int depth)
      : data_(weights + std::int64_t{first_feature + Chunks::row(0)} * depth +
              Chunks::chunk() * kWide<T>),
        step_(Chunks::kRowsAtOnce * depth),
        left_(features - first_feature - Chunks::row(0)) {}

  __device__ __forceinline__ void enqueue(unsigned char* tile, int at) const {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      copy_async_16(Chunks::to(tile, i), data_ + (i * step_ + at), i * Chunks::kRowsAtOnce < left_);
    }
  }

 private:
  const T* data_;
  int step_;
  int left_;  // features from this thread's first row on
};

/// B of `up`, (features, channels) for one tap at a time: row k holds the channels of feature k's
/// weight for that tap.
template <class T, class Shared, int threads>
class FilterColumns {
 public:
  using Chunks = ThreadChunks<Shared, threads>;

  /// filter: elements from one feature's weights to the next one's, all taps.
  __device__ __forceinline__ FilterColumns(const T* weights, int first_channel, int channels,
                                           int filter)
      : data_(weights + std::int64_t{Chunks::row(0)} * filter + first_channel +
              Chunks::chunk() * kWide<T>),
        step_(Chunks::kRowsAtOnce * filter),
        inside_(first_channel + Chunks::chunk() * kWide<T> < channels) {}

  /// `at`: elements from weights[0] to the tap of the tile's first feature.
  __device__ __forceinline__ void enqueue(unsigned char* tile, int at) const {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      copy_async_16(Chunks::to(tile, i), data_ + (i * step_ + at), inside_);
    }
  }

 private:
  const T* data_;
  int step_;
  bool inside_;  // the thread's channels exist
};

/// A of `weights`, (pixels, features): a piece of the features as they are stored.
template <class T, class Shared, int threads>
class PixelFeatures {
 public:
  using Chunks = ThreadChunks<Shared, threads>;

  __device__ __forceinline__ PixelFeatures(const T* features, int first_feature, int count)
      : data_(features + first_feature + Chunks::chunk() * kWide<T>),
        count_(count),
        inside_(first_feature + Chunks::chunk() * kWide<T> < count) {}

  /// The pixels from first_pixel on, of `pixels`.
  __device__ __forceinline__ void enqueue(unsigned char* tile, int first_pixel, int pixels) const {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      const int pixel = first_pixel + Chunks::row(i);
      copy_async_16(Chunks::to(tile, i), data_ + pixel * count_, inside_ && pixel < pixels);
    }
  }

 private:
  const T* data_;
  int count_;    // of all features
  bool inside_;  // the thread's features exist
};

/// B of `weights`, (pixels, taps x channels): the window of each pixel. A thread keeps to one tap.
template <class T, class Shared, int threads, int window>
class WindowColumns {
 public:
  using Chunks = ThreadChunks<Shared, threads>;

  __device__ __forceinline__ WindowColumns(const WindowedTensor<T>& from, int first_column)
      : from_(from) {
    const int column = first_column + Chunks::chunk() * kWide<T>;
    const int tap = column / from.channels;
    data_ = from.data + (column - tap * from.channels);
    inside_ = tap < window * window;
    from_.first_row += tap / window;
    from_.first_column += tap % window;
  }

  __device__ __forceinline__ void enqueue(unsigned char* tile, const PixelGrid& grid,
                                          int first_pixel) const {
#pragma unroll
    for (int i = 0; i < Chunks::kCount; ++i) {
      const int index = first_pixel + Chunks::row(i);
      const Pixel pixel = pixel_at(grid, index);
      const int h = from_.first_row + pixel.row * from_.stride;
      const int w = from_.first_column + pixel.column * from_.stride;
      const bool inside =
          inside_ && index < grid.pixels && h >= 0 && h < from_.height && w >= 0 && w < from_.width;
      const int offset = ((pixel.image * from_.height + h) * from_.width + w) * from_.channels;
      copy_async_16(Chunks::to(tile, i), data_ + offset, inside);
    }
  }

 private:
  WindowedTensor<T> from_;  // its window begins at the thread's tap
  const T* data_;           // the first of the thread's channels
  bool inside_;             // the tap exists
};

}  // namespace dcgan::cuda

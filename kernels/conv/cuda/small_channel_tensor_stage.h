// Tiles of features and image as they lie in global memory, copied asynchronously to shared memory
// while an earlier tile is multiplied. Derived tensors (DerivedTensor) are copied beside the output
// that their derivative comes from: `output_at` bytes further on.
#pragma once

#include <cstddef>

#include "kernels/common/cuda/async_copy.h"
#include "kernels/conv/cuda/small_channel_tensor_device.h"

namespace dcgan::cuda {

/// Multiplies words, as they lie in memory, by the derivative at `output`; rounded to T.
template <class T, int count>
__device__ __forceinline__ void derive_words(const DeviceDerivedTensor<T>& tensor,
                                             const std::uint32_t (&output)[count],
                                             std::uint32_t (&word)[count]) {
  const auto derive = [&](const auto& derivative) {
#pragma unroll
    for (int i = 0; i < count; ++i) {
      if constexpr (sizeof(T) == 2) {
        word[i] = pack_bf16(low_bf16(word[i]) * derivative(low_bf16(output[i])),
                            high_bf16(word[i]) * derivative(high_bf16(output[i])));
      } else {
        word[i] =
            __float_as_uint(__uint_as_float(word[i]) * derivative(__uint_as_float(output[i])));
      }
    }
  };
  switch (tensor.kind) {
    case Activation::relu:
      return derive([](float y) { return activation_derivative<Activation::relu>(y, 0.0f); });
    case Activation::leaky_relu:
      return derive([slope = tensor.negative_slope](float y) {
        return activation_derivative<Activation::leaky_relu>(y, slope);
      });
    case Activation::tanh:
      return derive([](float y) { return activation_derivative<Activation::tanh>(y, 0.0f); });
    case Activation::none:
      break;
  }
}

/// The same in shared memory, for `bytes` that the calling thread has copied and waited for.
template <int bytes, class T>
__device__ __forceinline__ void derive_shared(const DeviceDerivedTensor<T>& tensor,
                                              const std::byte* output, std::byte* data) {
  using Access = typename detail::Word<bytes>::Type;
  check_access(output, bytes);
  check_access(data, bytes);
  Access y = *reinterpret_cast<const Access*>(output);
  Access x = *reinterpret_cast<const Access*>(data);
  std::uint32_t outputs[bytes / 4];
  std::uint32_t words[bytes / 4];
#pragma unroll
  for (int i = 0; i < bytes / 4; ++i) {
    outputs[i] = detail::word_of(y, i);
    words[i] = detail::word_of(x, i);
  }
  derive_words(tensor, outputs, words);
#pragma unroll
  for (int i = 0; i < bytes / 4; ++i) detail::word_of(x, i) = words[i];
  *reinterpret_cast<Access*>(data) = x;
}

/// Where 16 bytes, `piece` of a pixel's, lie among that pixel's: so that 8 neighbouring pixels have
/// the same piece in different banks.
__device__ __forceinline__ int swizzled(int piece, int pixel) { return piece ^ pixel % 8; }

/// `rows` x `columns` pixels of features, (pixels, `pieces` times 16 bytes), swizzled(), zero
/// outside of the features.
template <int rows, int columns, int pieces, int threads>
struct FeatureStage {
  static constexpr int kBytes = rows * columns * pieces * 16;
  static constexpr int kStep = threads / pieces;  // pixels that the block copies at a time
  static constexpr int kSteps = rows * columns / kStep;
  static constexpr int kStepsAcross = kStep < columns ? columns / kStep : 1;
  static constexpr int kRowsOfStep = kStep < columns ? 1 : kStep / columns;
  static_assert(threads % pieces == 0 && rows * columns % kStep == 0 && kStep % 8 == 0);
  static_assert(columns % kStep == 0 || kStep % columns == 0);

  /// Starts the copies of the features first_feature.. of the pixels that begin at `from`.
  template <class T>
  __device__ static __forceinline__ void copy(const DeviceDerivedTensor<T>& tensor,
                                              const SmallChannelConv& conv, const FeatureTile& from,
                                              int first_feature, std::byte* shared, int output_at) {
    const int piece = static_cast<int>(threadIdx.x) % pieces;
    const int pixel = static_cast<int>(threadIdx.x) / pieces;
    const int first_row = from.row + pixel / columns;
    const int first_column = from.column + pixel % columns;
    const int k = first_feature + piece * kWide<T>;
    const std::int64_t first =
        ((std::int64_t{from.image} * conv.rows + first_row) * conv.columns + first_column) *
            conv.features +
        k;
    std::byte* to = shared + (pixel * pieces + swizzled(piece, pixel)) * 16;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int row = step / kStepsAcross * kRowsOfStep;
      const int column = step % kStepsAcross * kStep;
      const int p = first_row + row;
      const bool inside =
          p >= 0 && p < conv.rows && k < conv.features && first_column + column < conv.columns;
      const std::int64_t at = inside ? first + (row * conv.columns + column) * conv.features : 0;
      copy_async_16(to + step * kStep * pieces * 16, tensor.data + at, inside);
      if (tensor.output != nullptr) {
        copy_async_16(to + step * kStep * pieces * 16 + output_at, tensor.output + at, inside);
      }
    }
  }
};

/// The image pixels that a tile of features reads, (rows, values) at a pitch of whole 16 bytes,
/// zero outside of the image. Rows begin 16 bytes before column 2 * tile.column, so that both ends
/// are multiples of 16 bytes; value kFirst is that of the tile's first tap.
template <class T, int channels, int tile_rows, int tile_columns, int threads>
struct ImageStage {
  static constexpr int kRows = kTensorStride * (tile_rows - 1) + kTensorKernel;
  static constexpr int kMargin = kWide<T>;  // values before and after the tile's own columns
  static constexpr int kFirst = kMargin - kTensorPadding * channels;
  static constexpr int kRowBytes =
      (kTensorStride * tile_columns * channels + 2 * kMargin) * static_cast<int>(sizeof(T));
  static_assert(kTensorPadding * channels <= kMargin && kRowBytes % 16 == 0);

  /// Starts the copies. `wide`: 16 bytes at a time (has_wide_rows()), else 4.
  template <int pitch>
  __device__ static __forceinline__ void copy(const DeviceDerivedTensor<T>& image,
                                              const SmallChannelConv& conv, const FeatureTile& tile,
                                              bool wide, std::byte* shared, int output_at) {
    const auto copy_pieces = [&]<int bytes>() {
      const int line = conv.width * channels;
      const std::int64_t start = std::int64_t{tile.image} * conv.height * line;
      const int first_row = kTensorStride * tile.row - kTensorPadding;
      const int first_value = kTensorStride * tile.column * channels - kMargin;
      for_each_piece<bytes, pitch>([&](int row, int piece, int to) {
        const int h = first_row + row;
        const int value = first_value + piece * (bytes / static_cast<int>(sizeof(T)));
        const bool inside = h >= 0 && h < conv.height && value >= 0 && value < line;
        const std::int64_t at = inside ? start + h * line + value : 0;
        copy_piece<bytes>(shared + to, image.data + at, inside);
        if (image.output != nullptr) {
          copy_piece<bytes>(shared + to + output_at, image.output + at, inside);
        }
      });
    };
    wide ? copy_pieces.template operator()<16>() : copy_pieces.template operator()<4>();
  }

  /// Of a derived image: multiplies what the thread has copied, and waited for, by the derivative.
  template <int pitch>
  __device__ static __forceinline__ void derive(const DeviceDerivedTensor<T>& image, bool wide,
                                                std::byte* shared, int output_at) {
    const auto derive_pieces = [&]<int bytes>() {
      for_each_piece<bytes, pitch>([&](int, int, int to) {
        derive_shared<bytes>(image, shared + to + output_at, shared + to);
      });
    };
    wide ? derive_pieces.template operator()<16>() : derive_pieces.template operator()<4>();
  }

 private:
  /// Calls body(row, piece, place in bytes) for the pieces of the calling thread.
  template <int bytes, int pitch, class Body>
  __device__ static __forceinline__ void for_each_piece(const Body& body) {
    constexpr int pieces = kRowBytes / bytes;
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x); i < kRows * pieces; i += threads) {
      body(i / pieces, i % pieces, i / pieces * pitch * 4 + i % pieces * bytes);
    }
  }

  template <int bytes>
  __device__ static __forceinline__ void copy_piece(std::byte* to, const T* from, bool inside) {
    if constexpr (bytes == 16) {
      copy_async_16(to, from, inside);
    } else {
      copy_async_4(to, from, inside);
    }
  }
};

/// Host side: can the image's rows be copied 16 bytes at a time? They are multiples of 4 always.
template <class T>
bool has_wide_rows(const DeviceDerivedTensor<T>& image, const SmallChannelConv& conv) {
  const std::size_t row_bytes = std::size_t{sizeof(T)} * conv.width * conv.channels;
  const auto begins_word = [](const T* data) {
    return reinterpret_cast<std::uintptr_t>(data) % 4 == 0;
  };
  DCGAN_CHECK(begins_word(image.data) && begins_word(image.output),
              "conv: an image is not aligned to 4 bytes");
  return row_bytes % 16 == 0 && aligned16(image.data, image.output);
}

}  // namespace dcgan::cuda

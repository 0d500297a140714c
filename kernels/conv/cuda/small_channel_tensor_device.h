// What the small-channel kernels on tensor cores share. A "word" is what a lane brings to a
// product: 32 bits, two neighbouring bf16 or one f32 rounded to TF32. In both types a fragment's
// words lie at the same places of a matrix of words (tensor_core.h), so one kernel serves both.
//
// Names: g = lane / 4 and t = lane % 4, as in tensor_core.h.
#pragma once

#include "kernels/common/cuda/async_copy.h"
#include "kernels/common/cuda/tensor_core.h"
#include "kernels/conv/cuda/small_channel_device.h"

namespace dcgan::cuda {

// Of every convolution here.
inline constexpr int kTensorKernel = 4;
inline constexpr int kTensorStride = 2;
inline constexpr int kTensorPadding = 1;

template <class T>
struct Factor;

template <>
struct Factor<bf16> {
  static constexpr int kValues = 2;  // of a word
  static constexpr int kDepth = 16;  // of a product
  __device__ static __forceinline__ std::uint32_t pack(float low, float high) {
    return pack_bf16(low, high);
  }
  /// A word as it lies in memory, made a factor.
  __device__ static __forceinline__ std::uint32_t from_memory(std::uint32_t word) { return word; }
  __device__ static __forceinline__ void multiply(Accumulator& sum, const FragmentA& a,
                                                  const FragmentB& b) {
    mma_bf16(sum, a, b);
  }
};

template <>
struct Factor<float> {
  static constexpr int kValues = 1;
  static constexpr int kDepth = 8;
  __device__ static __forceinline__ std::uint32_t pack(float value, float) {
    return to_tf32(value);
  }
  __device__ static __forceinline__ std::uint32_t from_memory(std::uint32_t word) {
    return to_tf32(__uint_as_float(word));
  }
  __device__ static __forceinline__ void multiply(Accumulator& sum, const FragmentA& a,
                                                  const FragmentB& b) {
    mma_tf32(sum, a, b);
  }
};

/// The smallest pitch of at least `words` that leaves `remainder` when divided by the 32 banks.
constexpr int pitch_of(int words, int remainder) {
  return words + (remainder - words % 32 + 32) % 32;
}

/// The image pixels that a tile of features reads, as words: (rows, words), zero outside of the
/// image. A row begins at the first channel of column 2 * tile.column - 1.
template <class T, int channels, int tile_rows, int tile_columns>
struct ImagePatch {
  static constexpr int kRows = kTensorStride * (tile_rows - 1) + kTensorKernel;
  static constexpr int kWords =
      (kTensorStride * (tile_columns - 1) + kTensorKernel) * channels / Factor<T>::kValues;
  static constexpr int kCount = kRows * kWords;

  /// The patch's word `at` of a tile; past the last: zero.
  __device__ static __forceinline__ std::uint32_t load(const DeviceDerivedTensor<T>& image,
                                                       const SmallChannelConv& conv,
                                                       const FeatureTile& tile, int at) {
    constexpr int values = Factor<T>::kValues;
    const int line = conv.width * channels;
    const int h = kTensorStride * tile.row - kTensorPadding + at / kWords;
    const int column =
        (kTensorStride * tile.column - kTensorPadding) * channels + at % kWords * values;
    const bool row_inside = at < kCount && h >= 0 && h < conv.height;
    const std::int64_t start = (std::int64_t{tile.image} * conv.height + h) * line + column;
    float value[2] = {};
#pragma unroll
    for (int j = 0; j < values; ++j) {
      if (row_inside && column + j >= 0 && column + j < line) {
        value[j] = load_derived<1>(image, start + j).v[0];
      }
    }
    return Factor<T>::pack(value[0], value[1]);
  }

  template <int pitch>
  __device__ static __forceinline__ void store(std::uint32_t* shared, int at, std::uint32_t word) {
    if (at < kCount) shared[at / kWords * pitch + at % kWords] = word;
  }
};

/// Copies 16-byte pieces of features to shared memory: piece i of `count` from element from(i) of
/// the tensor (negative: zeros) to the address to(i). Plain tensors are copied asynchronously, in
/// one group; derived ones pass through registers, four at a time.
template <int threads, class T, class From, class To>
__device__ __forceinline__ void stage_features(const DeviceDerivedTensor<T>& tensor, int count,
                                               const From& from, const To& to) {
  constexpr int batch = 4;
  if (tensor.output == nullptr) {
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) {
      const std::int64_t at = from(i);
      copy_async_16(to(i), tensor.data + (at < 0 ? 0 : at), at >= 0);
    }
  } else {
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < count; i += batch * threads) {
      Values<kWide<T>> values[batch] = {};
#pragma unroll
      for (int j = 0; j < batch; ++j) {
        const std::int64_t at = i + j * threads < count ? from(i + j * threads) : -1;
        if (at >= 0) values[j] = load_derived<kWide<T>>(tensor, at);
      }
#pragma unroll
      for (int j = 0; j < batch; ++j) {
        if (i + j * threads < count) {
          cuda::store<kWide<T>>(static_cast<T*>(to(i + j * threads)), values[j]);
        }
      }
    }
  }
  commit_copies();
}

}  // namespace dcgan::cuda

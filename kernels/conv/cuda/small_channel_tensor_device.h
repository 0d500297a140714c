// What the small-channel kernels on tensor cores share. A "word" is what a lane brings to a
// product: 32 bits, two neighbouring bf16 or one f32 rounded to TF32. In both types a fragment's
// words lie at the same places of a matrix of words (tensor_core.h), so one kernel serves both.
//
// Names: g = lane / 4 and t = lane % 4, as in tensor_core.h.
#pragma once

#include <cstddef>

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

/// feature_tile() in 32 bits: a division of 64 is a hundred instructions.
__device__ __forceinline__ FeatureTile tensor_tile(unsigned index, int tiles_down, int tiles_across,
                                                   int tile_rows, int tile_columns) {
  const unsigned rest = index / static_cast<unsigned>(tiles_across);
  const unsigned image = rest / static_cast<unsigned>(tiles_down);
  const int down = static_cast<int>(rest - image * static_cast<unsigned>(tiles_down));
  const int across = static_cast<int>(index - rest * static_cast<unsigned>(tiles_across));
  return {static_cast<int>(image), down * tile_rows, across * tile_columns};
}

/// Host side: the number of tiles, which tensor_tile() counts in 32 bits.
inline unsigned tile_count(const SmallChannelConv& conv, int tiles_down, int tiles_across) {
  const std::int64_t tiles = std::int64_t{conv.images} * tiles_down * tiles_across;
  DCGAN_CHECK(tiles <= 0x7fffffff, "conv: {} tiles of features are too many", tiles);
  return static_cast<unsigned>(tiles);
}

/// Activates all sums, or with step 2 the even ones. The switch is outside of the loops: there it
/// would be taken once a value.
template <int step, int count>
__device__ __forceinline__ void activate_sums(Activation kind, float negative_slope,
                                              Accumulator (&sums)[count]) {
  const auto apply = [&](const auto& activation) {
#pragma unroll
    for (int i = 0; i < count * 4; i += step) {
      sums[i / 4].v[i % 4] = activation(sums[i / 4].v[i % 4]);
    }
  };
  switch (kind) {
    case Activation::relu:
      return apply([](float x) { return activate<Activation::relu>(x, 0.0f); });
    case Activation::leaky_relu:
      return apply([=](float x) { return activate<Activation::leaky_relu>(x, negative_slope); });
    case Activation::tanh:
      return apply([](float x) { return activate<Activation::tanh>(x, 0.0f); });
    case Activation::none:
      break;
  }
}

}  // namespace dcgan::cuda

// Statistics of sets of values, and of two sets together.
#pragma once

#include "kernels/norm/cuda/channel_sets.h"

namespace dcgan::cuda {

/// a / b to two units in the last place, in two instructions; b below 2^126.
__device__ __forceinline__ float rough_quotient(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fdividef(a, b);
#else
  return a / b;
#endif
}

/// Count, mean and sum of squared distances from it, for each of `width` channels.
template <int width>
struct Moments {
  float count;
  Values<width> mean;
  Values<width> m2;

  /// Those of two sets together (Chan, Golub and LeVeque 1979). The channels share one division.
  __device__ __forceinline__ void add(const Moments& other) {
    const float both = count + other.count;
    const float fraction = both > 0.0f ? rough_quotient(other.count, both) : 0.0f;
    const float weight = count * fraction;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float delta = other.mean.v[j] - mean.v[j];
      mean.v[j] += delta * fraction;
      m2.v[j] += other.m2.v[j] + delta * delta * weight;
    }
    count = both;
  }
  __device__ __forceinline__ Moments from_lane(int distance) const {
    Moments other;
    other.count = __shfl_xor_sync(kFullWarp, count, distance);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      other.mean.v[j] = __shfl_xor_sync(kFullWarp, mean.v[j], distance);
      other.m2.v[j] = __shfl_xor_sync(kFullWarp, m2.v[j], distance);
    }
    return other;
  }
  __device__ __forceinline__ Moments<1> of_channel(int j) const {
    return {count, {mean.v[j]}, {m2.v[j]}};
  }
};

}  // namespace dcgan::cuda

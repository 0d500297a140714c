// Sums over the rows that a block of ChannelRows holds, for each of its channels.
#pragma once

#include "kernels/common/cuda/reduce.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {

inline constexpr int kChannelWarps = kChannelThreads / 32;

/// Shared memory of sum_rows_of_block, for any number of calls one after the other. At most 32
/// lanes of `width` channels.
template <int width>
struct ChannelSumsMemory {
  float partial[kChannelWarps][kMostLanes * width];
  float total[kMostLanes * width];
};

/// The sum of each channel's values over the block's threads, in every thread of the channel. In an
/// order of its own: lanes of a warp, then warps. Has barriers: every thread must call it.
template <int width>
__device__ __forceinline__ Values<width> sum_rows_of_block(Values<width> values,
                                                           ChannelSumsMemory<width>& shared) {
  const int lanes = static_cast<int>(blockDim.x);
  const int place = place_in_block();
#pragma unroll
  for (int j = 0; j < width; ++j) {
    for (int distance = lanes; distance < 32; distance *= 2) {
      values.v[j] += __shfl_xor_sync(kFullWarp, values.v[j], distance);
    }
  }
  if (place % 32 < lanes) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      shared.partial[place / 32][place % 32 * width + j] = values.v[j];
    }
  }
  __syncthreads();
  if (place < lanes * width) {  // at most kChannelThreads
    float sum = shared.partial[0][place];
#pragma unroll
    for (int warp = 1; warp < kChannelWarps; ++warp) sum += shared.partial[warp][place];
    shared.total[place] = sum;
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < width; ++j) {
    values.v[j] = shared.total[static_cast<int>(threadIdx.x) * width + j];
  }
  return values;
}

/// A thread's channels of a float32 table: 16 bytes an access where `width` allows it, to which the
/// address must be aligned.
template <int width>
__device__ __forceinline__ Values<width> load_channels(const float* from) {
  if constexpr (width == 1) {
    return {*from};
  } else {
    Values<width> values;
#pragma unroll
    for (int first = 0; first < width; first += 4) {
      const Values<4> four = load<4>(from + first);
#pragma unroll
      for (int j = 0; j < 4; ++j) values.v[first + j] = four.v[j];
    }
    return values;
  }
}
template <int width>
__device__ __forceinline__ void store_channels(float* to, const Values<width>& values) {
  if constexpr (width == 1) {
    *to = values.v[0];
  } else {
#pragma unroll
    for (int first = 0; first < width; first += 4) {
      store<4>(to + first, Values<4>{values.v[first], values.v[first + 1], values.v[first + 2],
                                     values.v[first + 3]});
    }
  }
}

}  // namespace dcgan::cuda

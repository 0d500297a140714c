// Sums over a warp and over a block, in an order that does not depend on timing, so that a step's
// numbers repeat bit for bit; and the size of a grid.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

inline constexpr unsigned kFullWarp = 0xffffffffu;

/// The sum over the 32 lanes, in every lane.
__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kFullWarp, value, distance);
  }
  return value;
}

/// The sum over a block of `threads` (one dimension, whole warps, at most 1024), in every thread of
/// the first warp. `shared`: 32 floats that nothing else uses until the next barrier after this.
template <int threads>
__device__ __forceinline__ float block_sum(float value, float* shared) {
  constexpr int warps = threads / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  value = warp_sum(value);
  if (lane == 0) shared[warp] = value;
  __syncthreads();
  if (warp != 0) return value;
  return warp_sum(lane < warps ? shared[lane] : 0.0f);
}

/// Blocks of 256 threads that an H100 holds at once, eight on each of 132 multiprocessors: the
/// largest grid of a pass over memory, whose blocks loop over the rest.
inline constexpr std::int64_t kOneWave = 8 * 132;

/// Blocks for one thread an item; a loop over the grid's stride covers the rest.
inline dim3 blocks_for(std::int64_t items, int threads, std::int64_t limit) {
  const std::int64_t wanted = (items + threads - 1) / threads;
  return dim3(static_cast<unsigned>(wanted < limit ? wanted : limit));
}

}  // namespace dcgan::cuda

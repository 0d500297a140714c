// The last block of a set to arrive: it adds up what all of them have left in memory, in a fixed
// order, so that a reduction needs no second launch.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

/// Whether the calling block is the last of `blocks` that call this with the same ticket, which is
/// 0 before the first call and after the last. What the others have written before their calls can
/// then be read. Has barriers: every thread of the block must call it, and gets the same answer.
__device__ __forceinline__ bool is_last_block(int* ticket, unsigned blocks) {
  DCGAN_SHARED(int, last, [1]);
  __syncthreads();  // what the block has written is behind this
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    __threadfence();
    const bool is_last = atomicAdd(ticket, 1) == static_cast<int>(blocks) - 1;
    if (is_last) {
      __threadfence();
      atomicExch(ticket, 0);
    }
    last[0] = is_last ? 1 : 0;
  }
  __syncthreads();
  return last[0] != 0;
}

}  // namespace dcgan::cuda

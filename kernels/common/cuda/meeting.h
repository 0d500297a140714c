// A barrier of blocks, for a kernel whose second half needs what all blocks have found in its first.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

/// Returns when all `blocks` blocks that call this with the same ticket have called it; what they
/// have written before can then be read. The ticket is 0 before the first call, and again when the
/// grid has ended. Has barriers: every thread of the block must call it. Only in a grid of
/// launch_at_once(), and once in it for each ticket.
__device__ __forceinline__ void meet_blocks(int* ticket, unsigned blocks) {
  __syncthreads();  // what the block has written is behind this
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    __threadfence();
    atomicAdd(ticket, 1);
    wait_for_count(ticket, static_cast<int>(blocks));
    __threadfence();
    // The count goes on: no block that still waits sees it become 0.
    if (atomicAdd(ticket, 1) == static_cast<int>(2 * blocks) - 1) atomicExch(ticket, 0);
  }
  __syncthreads();
}

}  // namespace dcgan::cuda

// The loop of our convolutions on tensor cores over the depth: copies of later steps beside the
// products of this one.
#pragma once

#include "kernels/common/cuda/async_copy.h"
#include "kernels/conv/cuda/tensor_core_tile.h"

namespace dcgan::cuda {

/// Adds the products of one stage: A's tile, then B's.
template <class Tile, class T, class A, class B>
__device__ __forceinline__ void multiply_stage(const unsigned char* stage, WarpSums<Tile>& sums) {
  constexpr int products = Tile::kDepthBytes / kProductBytes;
  const unsigned char* tile_b = stage + Tile::kRows * Tile::kDepthBytes;
#pragma unroll
  for (int product = 0; product < products; ++product) {
    FragmentA a[Tile::kDown];
    FragmentB b[Tile::kAcross];
    A::load_a(a, stage, Tile::warp_row(), product);
    B::load_b(b, tile_b, Tile::warp_column(), product);
#pragma unroll
    for (int i = 0; i < Tile::kDown; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kAcross; ++j) {
        TileWord<T>::multiply(sums.of[i][j], a[i], b[j]);
      }
    }
  }
}

/// The sums over `steps` steps of depth. copies.enqueue(tile_a, tile_b) starts the thread's copies
/// of the next step; it is called `steps` times. One barrier a step: behind it every thread has its
/// part of this step's stage, and nobody reads the stage before it any more, which is filled next.
template <class Tile, class T, class A, class B, class Copies>
__device__ __forceinline__ void multiply_by_warps(unsigned char* shared, int steps, Copies& copies,
                                                  WarpSums<Tile>& sums) {
  constexpr int stages = Tile::kStages;
  const auto enqueue = [&](int stage) {
    unsigned char* to = shared + stage * Tile::kStageBytes;
    copies.enqueue(to, to + Tile::kRows * Tile::kDepthBytes);
  };
#pragma unroll
  for (int stage = 0; stage < stages - 1; ++stage) {
    if (stage < steps) enqueue(stage);
    commit_copies();
  }
  int full = 0;            // the stage that is multiplied
  int empty = stages - 1;  // the one that is filled
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    wait_copies<stages - 2>();
    __syncthreads();
    if (step + stages - 1 < steps) enqueue(empty);
    commit_copies();
    multiply_stage<Tile, T, A, B>(shared + full * Tile::kStageBytes, sums);
    empty = full;
    full = full + 1 == stages ? 0 : full + 1;
  }
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// The same by warpgroups, whose products of one step go on while the next is prepared. Two stages
/// are not being filled: the one that is multiplied and the one before, which behind the barrier
/// every warpgroup has finished with.
template <class Tile, class A, class B, class Copies>
__device__ __forceinline__ void multiply_by_warpgroups(unsigned char* shared, int steps,
                                                       Copies& copies, WarpSums<Tile>& sums) {
  constexpr int stages = Tile::kStages;
  constexpr int ahead = stages - 2;
  const auto enqueue = [&](int stage) {
    unsigned char* to = shared + stage * Tile::kStageBytes;
    copies.enqueue(to, to + Tile::kRows * Tile::kDepthBytes);
  };
#pragma unroll
  for (int stage = 0; stage < ahead; ++stage) {
    if (stage < steps) enqueue(stage);
    commit_copies();
  }
  const int first_row = static_cast<int>(threadIdx.x) / 128 * 64;
  int full = 0;
  int empty = ahead;
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    wait_copies<ahead - 1>();
    publish_to_products();
    __syncthreads();
    const unsigned char* stage = shared + full * Tile::kStageBytes;
    const std::uint64_t a = A::described(stage, first_row);
    const std::uint64_t b = B::described(stage + Tile::kRows * Tile::kDepthBytes, 0);
    begin_products();
#pragma unroll
    for (int product = 0; product < Tile::kDepthBytes / kProductBytes; ++product) {
      multiply_warpgroup<A::kOuter, B::kOuter>(sums.of[0], moved(a, product * A::kDescribedBytes),
                                               moved(b, product * B::kDescribedBytes));
    }
    commit_products();
    if (step + ahead < steps) enqueue(empty);
    commit_copies();
    wait_products<1>();
    full = full + 1 == stages ? 0 : full + 1;
    empty = empty + 1 == stages ? 0 : empty + 1;
  }
  wait_products<0>();
}

#endif

/// The sums over `steps` steps of depth, by the tile's kind of warps.
template <class Tile, class T, class A, class B, class Copies>
__device__ __forceinline__ void multiply_tiles(unsigned char* shared, int steps, Copies& copies,
                                               WarpSums<Tile>& sums) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  if constexpr (Tile::kByWarpgroups) {
    multiply_by_warpgroups<Tile, A, B>(shared, steps, copies, sums);
    return;
  }
#elif defined(__CUDA_ARCH__)
  if constexpr (Tile::kByWarpgroups) {
    __trap();  // never launched: tensor_core_fits
    return;
  }
#endif
  multiply_by_warps<Tile, T, A, B>(shared, steps, copies, sums);
}

}  // namespace dcgan::cuda

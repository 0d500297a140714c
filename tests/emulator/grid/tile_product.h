// A product of matrices on tensor cores, with planted mistakes: C = A B with A (rows, depth) and
// B (depth, columns) row-major in bf16, C in f32. depth and columns are multiples of 8.
// Used by the emulator's tests, and by scripts/check_sass.py through tests/scripts/tile_product.cu.
#pragma once

#include "kernels/common/cuda/async_copy.h"
#include "kernels/common/cuda/tensor_core.h"
#include "runtime/base/bf16.h"

namespace dcgan::emulator {

enum class Mistake {
  none,
  swapped_row,       // a lane gives the neighbour's row to ldmatrix
  short_wait,        // waits for one group too few
  early_overwrite,   // refills a stage before the barrier that ends its use
  no_barrier,        // reads other threads' copies without a barrier after the wait
  misaligned_row,    // a row's address is not a multiple of 16
  missing_lane,      // one lane does not take part in a product
  not_waited_for,    // the last copies are never waited for
  outside_of_array,  // a row's address lies past the array
};

struct TileProduct {
  const bf16* a;
  const bf16* b;
  float* c;
  int rows;
  int columns;
  int depth;
};

template <int warps>
struct TileStages {
  static constexpr int kStages = 3;
  static constexpr int kDepth = 16;    // of a stage
  static constexpr int kColumns = 16;  // of a block
  static constexpr int kPitch = 24;    // 48 bytes a row: the 8 rows of a matrix in distinct banks
  bf16 a[kStages][16 * warps][kPitch];
  bf16 b[kStages][kDepth][kPitch];
};

/// Starts the copies of stage `step`: one 16-byte piece of A a thread, and of B in the first warp.
template <int warps>
__device__ __forceinline__ void copy_stage(const TileProduct& p, TileStages<warps>& tiles,
                                           int step) {
  using Stages = TileStages<warps>;
  const int thread = static_cast<int>(threadIdx.x);
  const int stage = step % Stages::kStages;
  const int piece = 8 * (thread % 2);
  const int line = thread / 2;
  const int a_line = (line + 16) % (16 * warps);  // the next warp's: every copy is for others
  const int first = step * Stages::kDepth;
  const int row = static_cast<int>(blockIdx.x) * 16 * warps + a_line;
  const bool a_inside = row < p.rows && first + piece < p.depth;
  const bf16* a = a_inside ? p.a + row * p.depth + first + piece : p.a;
  cuda::copy_async_16(&tiles.a[stage][a_line][piece], a, a_inside);
  if (thread < 32) {
    const int column = static_cast<int>(blockIdx.y) * Stages::kColumns + piece;
    const bool b_inside = first + line < p.depth && column < p.columns;
    const bf16* b = b_inside ? p.b + (first + line) * p.columns + column : p.b;
    cuda::copy_async_16(&tiles.b[stage][line][piece], b, b_inside);
  }
  cuda::commit_copies();
}

template <Mistake mistake, int warps>
__device__ __forceinline__ void multiply_stage(TileStages<warps>& tiles, int stage,
                                               cuda::Accumulator (&sum)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  cuda::FragmentA a;
  cuda::FragmentB b[2];
  int row = 16 * warp + lane % 16;
  if (mistake == Mistake::swapped_row && lane == 5) ++row;
  const bf16* from = &tiles.a[stage][row][lane / 16 * 8];
  if (mistake == Mistake::misaligned_row && lane == 5) ++from;
  if (mistake == Mistake::outside_of_array && lane == 5) from += 8 * sizeof(tiles);
  cuda::load_matrix_x4(a.word, from);
  std::uint32_t word[4];
  cuda::load_matrix_x4_transposed(word, &tiles.b[stage][lane % 16][lane / 16 * 8]);
  for (int i = 0; i < 4; ++i) b[i / 2].word[i % 2] = word[i];
  if (mistake == Mistake::missing_lane && lane == 5) return;
  cuda::mma_bf16(sum[0], a, b[0]);
  cuda::mma_bf16(sum[1], a, b[1]);
}

template <int warps>
__device__ __forceinline__ void store_tile(const TileProduct& p,
                                           const cuda::Accumulator (&sum)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  for (int i = 0; i < 8; ++i) {
    const int row = (static_cast<int>(blockIdx.x) * warps + warp) * 16 + lane / 4 + i % 4 / 2 * 8;
    const int column = static_cast<int>(blockIdx.y) * 16 + i / 4 * 8 + 2 * (lane % 4) + i % 2;
    if (row < p.rows && column < p.columns) p.c[row * p.columns + column] = sum[i / 4].v[i % 4];
  }
}

/// A block of `warps` warps computes 16 * warps rows and 16 columns.
template <int warps, Mistake mistake>
__global__ void tile_product_kernel(TileProduct p) {
  using Stages = TileStages<warps>;
  DCGAN_SHARED(Stages, tiles, [1]);
  const int steps = (p.depth + Stages::kDepth - 1) / Stages::kDepth;
  cuda::Accumulator sum[2] = {};
  for (int step = 0; step < Stages::kStages - 1; ++step) copy_stage(p, tiles[0], step);
  for (int step = 0; step < steps; ++step) {
    const int next = step + Stages::kStages - 1;
    cuda::wait_copies<Stages::kStages - 2 + (mistake == Mistake::short_wait ? 1 : 0)>();
    if (mistake == Mistake::early_overwrite) copy_stage(p, tiles[0], next);
    if (mistake != Mistake::no_barrier) __syncthreads();
    if (mistake != Mistake::early_overwrite) copy_stage(p, tiles[0], next);
    multiply_stage<mistake>(tiles[0], step % Stages::kStages, sum);
  }
  if (mistake != Mistake::not_waited_for) cuda::wait_copies<0>();
  store_tile<warps>(p, sum);
}

}  // namespace dcgan::emulator

// What our convolutions on tensor cores do with their sums: the activation, and the way to global
// memory.
#pragma once

#include "kernels/conv/cuda/tensor_core_tile.h"
#include "kernels/elementwise/activation_terms.h"

namespace dcgan::cuda {

/// Where a product's sums go.
template <class T>
struct SumsOut {
  T* to;
  float* partials;  // (splits, elements of `to`), or null: this block has all of the depth
  std::int64_t elements;
  const float* bias;  // of each column, or null; not of partial sums
  Activation kind;
  float negative_slope;
};

/// Activates all sums. The switch is outside of the loops: there it would be taken once a value.
template <class Tile>
__device__ __forceinline__ void activate_sums(Activation kind, float negative_slope,
                                              WarpSums<Tile>& sums) {
  const auto apply = [&](const auto& activation) {
#pragma unroll
    for (int i = 0; i < Tile::kDown * Tile::kAcross * 4; ++i) {
      float& value = sums.of[i / 4 / Tile::kAcross][i / 4 % Tile::kAcross].v[i % 4];
      value = activation(value);
    }
  };
  switch (kind) {
    case Activation::relu:
      return apply([](float x) { return activate<Activation::relu>(x, 0.0f); });
    case Activation::leaky_relu:
      return apply([=](float x) { return activate<Activation::leaky_relu>(x, negative_slope); });
    case Activation::tanh:  // refused by tensor_core_fits
    case Activation::none:
      break;
  }
}

/// Adds to each column its bias; the first `columns` exist.
template <class Tile>
__device__ __forceinline__ void add_bias(WarpSums<Tile>& sums, const float* bias, int columns) {
#pragma unroll
  for (int j = 0; j < Tile::kAcross; ++j) {
    const int column = Tile::warp_column() + 8 * j + Tile::lane() % 4 * 2;
    if (column >= columns) continue;
    const float of_column[2] = {bias[column], bias[column + 1]};
#pragma unroll
    for (int i = 0; i < Tile::kDown; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) sums.of[i][j].v[e] += of_column[e % 2];
    }
  }
}

/// Stores f32 sums: the four lanes of a row write 32 neighbouring bytes. row_offset(row): the
/// element where a row of the tile begins, negative: it is outside.
template <class Tile, class RowOffset>
__device__ __forceinline__ void store_directly(const WarpSums<Tile>& sums, float* to, int columns,
                                               const RowOffset& row_offset) {
  const int lane = Tile::lane();
#pragma unroll
  for (int i = 0; i < Tile::kDown; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t offset = row_offset(Tile::warp_row() + 16 * i + 8 * half + lane / 4);
#pragma unroll
      for (int j = 0; j < Tile::kAcross; ++j) {
        const int column = Tile::warp_column() + 8 * j + lane % 4 * 2;
        if (offset < 0 || column >= columns) continue;
        const Accumulator& sum = sums.of[i][j];
        store<2>(to + offset + column, Values<2>{{sum.v[2 * half], sum.v[2 * half + 1]}});
      }
    }
  }
}

/// The tile as bf16 in shared memory, rows of kPitch values. Banks: a store of a warp goes to 8
/// rows g and 4 words t; a row begins 4 words further than a multiple of 32, so 4 g + t are 32
/// banks.
template <class Tile>
struct StagedTile {
  static constexpr int kPitch = Tile::kColumns + 8;
  static constexpr int kChunks = Tile::kColumns / 8;
  static_assert(Tile::kColumns % 64 == 0);
  static_assert(Tile::kRows * kPitch * 2 <= Tile::kSharedBytes);
};

/// Stores bf16 through shared memory, so that global memory sees whole lines.
template <class Tile, class RowOffset>
__device__ __forceinline__ void store_staged(const WarpSums<Tile>& sums, unsigned char* shared,
                                             bf16* to, int columns, const RowOffset& row_offset) {
  using Staged = StagedTile<Tile>;
  auto* staged = reinterpret_cast<bf16*>(shared);
  const int lane = Tile::lane();
  __syncthreads();  // the last use of the stages is over
#pragma unroll
  for (int i = 0; i < Tile::kDown; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kAcross; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = Tile::warp_row() + 16 * i + 8 * half + lane / 4;
        const int column = Tile::warp_column() + 8 * j + lane % 4 * 2;
        const Accumulator& sum = sums.of[i][j];
        store<2>(staged + row * Staged::kPitch + column,
                 Values<2>{{sum.v[2 * half], sum.v[2 * half + 1]}});
      }
    }
  }
  __syncthreads();
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < Tile::kRows * Staged::kChunks;
       i += Tile::kThreads) {
    const int row = i / Staged::kChunks;
    const int column = i % Staged::kChunks * 8;
    const std::int64_t offset = row_offset(row);
    if (offset < 0 || column >= columns) continue;
    const auto* from = staged + row * Staged::kPitch + column;
    check_access(from, sizeof(uint4));
    check_access(to + offset + column, sizeof(uint4));
    *reinterpret_cast<uint4*>(to + offset + column) = *reinterpret_cast<const uint4*>(from);
  }
}

/// Stores a block's sums: as partial sums of `split`, or with bias and activated, in the stored
/// type. The tile begins at column `first`, `columns` of its columns exist. Has barriers.
template <class Tile, class T, class RowOffset>
__device__ __forceinline__ void store_sums(WarpSums<Tile>& sums, unsigned char* shared,
                                           const SumsOut<T>& out, int split, int first, int columns,
                                           const RowOffset& row_offset) {
  if (out.partials != nullptr) {
    return store_directly<Tile>(sums, out.partials + split * out.elements, columns, row_offset);
  }
  if (out.bias != nullptr) add_bias<Tile>(sums, out.bias + first, columns);
  activate_sums<Tile>(out.kind, out.negative_slope, sums);
  if constexpr (sizeof(T) == 2) {
    store_staged<Tile>(sums, shared, out.to, columns, row_offset);
  } else {
    store_directly<Tile>(sums, out.to, columns, row_offset);
  }
}

}  // namespace dcgan::cuda

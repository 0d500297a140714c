// Statistics of a tile's columns from the registers of a block, and their merge among blocks.
#pragma once

#include "kernels/common/cuda/last_block.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/conv/cuda/tensor_core_launch.h"
#include "kernels/norm/cuda/finish.h"

namespace dcgan::cuda {

/// Tables of the statistics in memory.
struct MomentsOut {
  float* tile_mean;  // (groups, tiles, C)
  float* tile_m2;
  float* count;   // (groups, cohorts)
  float* origin;  // (groups, C): zeros
  float* mean;    // (groups, cohorts, C)
  float* m2;
  int tiles;
  int cohort_tiles;
  int cohorts;
  int channels;
  int* tickets;      // (C): those of a column tile begin at its first channel
  FinishOut finish;  // saved_mean null: the cohorts are all that is wanted
};

/// Rounds the sums to bf16, as they will be stored: the statistics are of those values.
template <class Tile>
__device__ __forceinline__ void round_sums(WarpSums<Tile>& sums) {
#pragma unroll
  for (int i = 0; i < Tile::kDown * Tile::kAcross * 2; ++i) {
    float* pair = sums.of[i / 2 / Tile::kAcross][i / 2 % Tile::kAcross].v + i % 2 * 2;
    const std::uint32_t word = pack_bf16(pair[0], pair[1]);
    pair[0] = low_bf16(word);
    pair[1] = high_bf16(word);
  }
}

/// The sum of term(value, column) over the first `rows` rows of the tile, for each column, by
/// halves of the tile: (2, kColumns). Needs a barrier before it is read.
template <class Tile, class Term>
__device__ __forceinline__ void sum_columns_of_tile(const WarpSums<Tile>& sums, int rows,
                                                    float* rows_of_warps, const Term& term) {
  const int lane = Tile::lane();
  float* own = rows_of_warps + Tile::warp_row() / Tile::kWarpRows * Tile::kColumns;
#pragma unroll
  for (int j = 0; j < Tile::kAcross; ++j) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const int column = Tile::warp_column() + 8 * j + lane % 4 * 2 + e;
      float sum = 0.0f;
#pragma unroll
      for (int i = 0; i < Tile::kDown * 2; ++i) {
        const int row = Tile::warp_row() + 8 * i + lane / 4;
        const float value = term(sums.of[i / 2][j].v[i % 2 * 2 + e], column);
        sum += row < rows ? value : 0.0f;
      }
#pragma unroll
      for (int distance = 4; distance < 32; distance *= 2) {
        sum += __shfl_xor_sync(kFullWarp, sum, distance);
      }
      if (lane < 4) own[column] = sum;
    }
  }
}

/// Rounds the sums and stores the mean and M2 of the tile's columns. Has barriers. `shared`: the
/// stages of the pipeline, whose last use this waits for.
template <class Tile>
__device__ __forceinline__ void store_tile_moments(WarpSums<Tile>& sums, unsigned char* shared,
                                                   const BlockPlace& place, int tile,
                                                   const MomentsOut& out) {
  static_assert(Tile::kThreads >= Tile::kColumns);
  auto* of_warps = reinterpret_cast<float*>(shared);  // (kWarpsDown, kColumns)
  float* means = of_warps + Tile::kWarpsDown * Tile::kColumns;
  const int rows = place.rows_left < Tile::kRows ? place.rows_left : Tile::kRows;
  const int column = static_cast<int>(threadIdx.x);
  const auto added = [&] {
    float sum = of_warps[column];
#pragma unroll
    for (int i = 1; i < Tile::kWarpsDown; ++i) sum += of_warps[i * Tile::kColumns + column];
    return sum;
  };
  round_sums<Tile>(sums);
  __syncthreads();
  sum_columns_of_tile<Tile>(sums, rows, of_warps, [](float value, int) { return value; });
  __syncthreads();
  if (column < Tile::kColumns) means[column] = added() / static_cast<float>(rows);
  __syncthreads();
  sum_columns_of_tile<Tile>(sums, rows, of_warps, [&](float value, int at) {
    const float distance = value - means[at];
    return distance * distance;
  });
  __syncthreads();
  if (column < Tile::kColumns) {
    const std::int64_t at =
        (std::int64_t{place.group} * out.tiles + tile) * out.channels + place.column + column;
    out.tile_mean[at] = means[column];
    out.tile_m2[at] = added();
  }
}

/// Those of `parts` sets together, in their order. count_of(part): of a set.
template <class CountOf>
__device__ __forceinline__ Moments<1> merged_sets(const float* mean, const float* m2, int parts,
                                                  int stride, const CountOf& count_of) {
  constexpr int at_once = 8;  // sets on their way
  Moments<1> all{};
  for (int first = 0; first < parts; first += at_once) {
    Moments<1> sets[at_once] = {};
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (first + i >= parts) break;
      const std::int64_t at = std::int64_t{first + i} * stride;
      sets[i] = {count_of(first + i), {mean[at]}, {m2[at]}};
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) all.add(sets[i]);
  }
  return all;
}

/// Rows of a group's tiles before `tile`, a multiple of the phases.
template <class Tile>
__device__ __forceinline__ int rows_before(const ProductDivision& division, int tile) {
  const int rows = tile / division.phases * Tile::kRows;
  return (rows < division.rows_of_group ? rows : division.rows_of_group) * division.phases;
}

/// Behind store_tile_moments: the last block of a cohort merges its tiles, the last of all finishes
/// the channels of its column tile. Has barriers.
template <class Tile>
__device__ __forceinline__ void merge_moments(const BlockPlace& place, int tile,
                                              const ProductDivision& division,
                                              const MomentsOut& out) {
  const int cohort = tile / out.cohort_tiles;
  const int first = cohort * out.cohort_tiles;
  const int left = out.tiles - first;
  const int tiles = left < out.cohort_tiles ? left : out.cohort_tiles;
  const int set = place.group * out.cohorts + cohort;
  int* tickets = out.tickets + place.column;
  if (!is_last_block(tickets + 1 + set, static_cast<unsigned>(tiles))) return;
  const auto rows_of = [&](int part) {
    const int rows = division.rows_of_group - (first + part) / division.phases * Tile::kRows;
    return static_cast<float>(rows < Tile::kRows ? rows : Tile::kRows);
  };
  const int column = static_cast<int>(threadIdx.x);
  const int channel = place.column + column;
  if (column < Tile::kColumns) {
    const std::int64_t from =
        (std::int64_t{place.group} * out.tiles + first) * out.channels + channel;
    const Moments<1> all =
        merged_sets(out.tile_mean + from, out.tile_m2 + from, tiles, out.channels, rows_of);
    out.mean[std::int64_t{set} * out.channels + channel] = all.mean.v[0];
    out.m2[std::int64_t{set} * out.channels + channel] = all.m2.v[0];
    if (channel == 0) out.count[set] = all.count;
    if (cohort == 0) out.origin[std::int64_t{place.group} * out.channels + channel] = 0.0f;
  }
  if (out.finish.saved_mean == nullptr) return;
  if (!is_last_block(tickets, static_cast<unsigned>(division.groups * out.cohorts))) return;
  if (column >= Tile::kColumns) return;
  RunningChannel running(out.finish, channel, true);
  for (int group = 0; group < division.groups; ++group) {
    const std::int64_t from = std::int64_t{group} * out.cohorts * out.channels + channel;
    const Moments<1> all =
        merged_sets(out.mean + from, out.m2 + from, out.cohorts, out.channels, [&](int part) {
          const int first_tile = part * out.cohort_tiles;
          const int rows = rows_before<Tile>(division, first_tile + out.cohort_tiles) -
                           rows_before<Tile>(division, first_tile);
          return static_cast<float>(rows);
        });
    running.finish(out.finish, all, std::int64_t{group} * out.channels + channel);
  }
  running.store(out.finish, channel);
  if (channel == 0) *out.finish.batches_tracked += division.groups;
}

}  // namespace dcgan::cuda

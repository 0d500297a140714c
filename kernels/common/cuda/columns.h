// Sums over the rows of a table: the second stage of every reduction that needs more than a block.
// In an order that does not depend on timing, so that a step's numbers repeat bit for bit.
#pragma once

#include <cstdint>

#include "kernels/common/cuda/launch.h"

namespace dcgan::cuda {

inline constexpr int kSumColumns = 32;  // neighbouring columns: one line of memory
inline constexpr int kSumLanes = 16;    // threads that share a column's rows

/// Inside a block of kSumColumns x kSumLanes threads: the sum of table[row * stride + column] over
/// the rows, for thread (column, lane); valid in lane 0. Lane l adds rows l, l + 16, ... and the
/// lanes are then added in order. Has barriers: every thread must call it (active or not).
template <class Row>
__device__ __forceinline__ float sum_rows(const Row* table, std::int64_t rows, std::int64_t stride,
                                          bool active, float (&shared)[kSumLanes][kSumColumns]) {
  float sum = 0.0f;
  if (active) {
#pragma unroll 8
    for (std::int64_t row = threadIdx.y; row < rows; row += kSumLanes) sum += table[row * stride];
  }
  __syncthreads();  // the last use of `shared` is over
  shared[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0) return sum;
#pragma unroll
  for (int lane = 1; lane < kSumLanes; ++lane) sum += shared[lane][threadIdx.x];
  return sum;
}

/// sums[column] = sum of table[row][column] over the rows.
/// Blocks of kSumColumns x kSumLanes threads, one for kSumColumns columns.
template <class T>
__global__ void __launch_bounds__(kSumColumns* kSumLanes)
    sum_columns_kernel(const T* table, std::int64_t rows, std::int64_t columns, T* sums) {
  start_after_previous();
  DCGAN_SHARED(float, shared, [kSumLanes][kSumColumns]);
  const std::int64_t column = std::int64_t{blockIdx.x} * kSumColumns + threadIdx.x;
  const bool active = column < columns;
  const float sum = sum_rows(table + column, rows, columns, active, shared);
  if (active && threadIdx.y == 0) sums[column] = sum;
}

/// Host side of sum_columns_kernel. table: (rows, columns), sums: (columns).
inline void sum_columns(const Context& context, const float* table, std::int64_t rows,
                        std::int64_t columns, float* sums) {
  const auto blocks = static_cast<unsigned>((columns + kSumColumns - 1) / kSumColumns);
  launch(context, sum_columns_kernel<float>,
         {"sum_columns_kernel", dim3(blocks), dim3(kSumColumns, kSumLanes)}, table, rows, columns,
         sums);
}

}  // namespace dcgan::cuda

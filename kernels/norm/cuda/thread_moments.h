// Count, mean and M2 of the rows that one thread reads, from sums of distances to its own first
// value: nothing cancels when |mean| is much larger than sigma.
#pragma once

#include "kernels/common/cuda/vector.h"
#include "kernels/norm/cuda/moments.h"

namespace dcgan::cuda {

template <int width>
struct MomentSums {
  Values<width> first;
  Values<width> sums;
  Values<width> squares;

  __device__ __forceinline__ explicit MomentSums(const Values<width>& first_row)
      : first(first_row), sums{}, squares{} {}

  __device__ __forceinline__ void add(const Values<width>& row) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float distance = row.v[j] - first.v[j];
      sums.v[j] += distance;
      squares.v[j] += distance * distance;
    }
  }

  /// `count` rows, `at_once` at most, whose loads are all started before the first is used.
  template <int at_once, class T>
  __device__ __forceinline__ void add_rows(const T* from, int count, std::int64_t stride) {
    Values<width> rows[at_once];
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (i < count) rows[i] = load<width>(from + i * stride);
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (i < count) add(rows[i]);
    }
  }

  /// Of `rows` rows, at least one. The mean is a distance from `origin`.
  __device__ __forceinline__ Moments<width> moments(int rows, const Values<width>& origin) const {
    Moments<width> result;
    result.count = static_cast<float>(rows);
    const float inverse = 1.0f / result.count;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      result.mean.v[j] = (first.v[j] - origin.v[j]) + sums.v[j] * inverse;
      result.m2.v[j] = squares.v[j] - sums.v[j] * sums.v[j] * inverse;
    }
    return result;
  }
};

}  // namespace dcgan::cuda

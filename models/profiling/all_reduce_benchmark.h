// Timing an all-reduce between the ranks of a training, by size.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/context.h"

namespace dcgan {

struct AllReduceSettings {
  std::vector<std::int64_t> sizes;  ///< bytes on every rank, multiples of an element
  DType dtype = DType::f32;         ///< f32 or bf16
  int warm_up = 3;                  ///< untimed repeats of each size
  int repeats = 10;                 ///< timed ones
};

/// Of the slowest rank; the same figures on every rank.
struct AllReduceResult {
  std::int64_t bytes = 0;
  int ranks = 1;
  double median_us = 0;
  double p90_us = 0;

  /// Bytes of a rank per time.
  double algorithm_gb_per_second() const;
  /// That times 2 (N-1)/N: what each rank of a ring sends, and what links are compared by,
  /// whatever the number of ranks. 0 for one rank, which sends nothing.
  double bus_gb_per_second() const;
};

/// 4 B to 256 MiB, by powers of four.
std::vector<std::int64_t> default_all_reduce_sizes();

/// Sums of each size, in place. All ranks call it with the same settings. A repeat is a barrier,
/// then one all-reduce after the other, 16 of a small size and 1 from 1 MiB on; its time, between
/// two events, is divided by their number. On a GPU calls are enqueued one by one; those of a step
/// are part of its graph. The sum of ones is compared before a size is timed:
/// Error(internal) with the numbers if it is not the number of ranks. Throws Error(config) on a
/// size that holds no whole number of elements.
std::vector<AllReduceResult> run_all_reduce_benchmark(const Context& context,
                                                      Communicator& communicator,
                                                      const AllReduceSettings& settings);

}  // namespace dcgan

// A tensor-core convolution (kernels/conv/cuda/tensor_core_conv.h) with batch norm's statistics of
// its result in the epilogue, in bf16.
//
// Each tile of the result leaves count, mean and M2 of its columns, found in two sums over its
// registers: the mean, then the squared distances from it, so that nothing cancels. Means are
// absolute: bf16 values are equal when they are closer than 2^-9 of their size, so that f32 means
// are exact to 2^-15 deviations or better. Tiles of one group are merged in cohorts by the last
// block of each to arrive, and cohorts by the last of all, in the order of the tiles: the bits do
// not depend on which blocks those are.
#pragma once

#include <cstdint>

#include "kernels/conv/cuda/tensor_core_conv.h"
#include "kernels/norm/batch_norm.h"

namespace dcgan::cuda {

/// How the statistics of a result are divided.
struct StatisticsDivision {
  int groups = 1;
  int tiles = 0;         // of a group: parts of the result, phases included
  int cohort_tiles = 0;  // of a cohort; the last may have fewer
  int cohorts = 0;       // of a group

  /// f32 elements of a scratch table.
  std::int64_t scratch_elements(std::int64_t channels) const {
    return std::int64_t{2} * groups * tiles * channels;
  }
};
StatisticsDivision divide_statistics(const ProductDivision& product, TensorCoreTile tile);

/// Whether the kernels compute the forward product of a config with statistics of `groups` groups.
bool tensor_core_statistics_fit(const Context& context, const ConvConfig& config, int groups,
                                TensorCoreTile tile);

struct TensorCoreStatistics {
  BatchNormStatistics cohorts;  // (groups, cohorts) parts
  float* scratch;               // scratch_elements(), contents undefined before and after
  TensorView tickets;           // as of BatchNormLocal
  BatchNormRunning running;     // with `saved` empty: not finished, only the cohorts are wanted
  BatchNormSaved saved;
  BatchNormOptions options;
};

/// product: down or up. operands.activation is not used.
void tensor_core_with_statistics(const Context& context, const TensorCoreConv& conv,
                                 TensorCoreProduct product, TensorCoreTile tile,
                                 const TensorCoreOperands& operands,
                                 const TensorCoreStatistics& statistics);

}  // namespace dcgan::cuda

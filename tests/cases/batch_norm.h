// Batch norm: cases and their comparison with float64, and its tensors on a device.
#pragma once

#include <vector>

#include "kernels/norm/batch_norm.h"
#include "tests/cases/guarded_tensor.h"
#include "tests/reference/batch_norm.h"

namespace dcgan::test {

using reference::BatchNormState;

/// Parameters and running statistics as after some training.
BatchNormState random_state(std::int64_t channels);

/// One layer on one batch, between guard bytes. The memory of statistics and sums starts as
/// garbage.
struct NormOnDevice {
  const Context& context;
  BatchNormOptions options;
  std::int64_t channels, parts;
  GuardedTensor x, dy, y, dx;                                   // (N, H, W, C)
  GuardedTensor weight, bias, running_mean, running_var;        // (C) f32
  GuardedTensor tracked;                                        // (1) i64
  GuardedTensor mean, invstd;                                   // (groups, C) f32
  GuardedTensor dweight, dbias;                                 // (C) f32
  GuardedTensor statistics_memory, sums_memory, totals_memory;  // f32
  GuardedTensor ticket_memory;                                  // (C) i32, zeros

  /// x and dy are left to be written.
  NormOnDevice(const Context& on, const Shape& shape, const BatchNormState& state, DType dtype,
               const BatchNormOptions& with);
  NormOnDevice(const Context& on, const Values& x_values, const Values& dy_values,
               const BatchNormState& state, DType dtype, const BatchNormOptions& with);

  /// Values of a channel in a group.
  std::int64_t count() const { return x.view().elements() / channels / options.groups; }
  BatchNormParameters parameters() const { return {weight.view(), bias.view()}; }
  BatchNormRunning running() const {
    return {running_mean.view(), running_var.view(), tracked.view()};
  }
  BatchNormSaved saved() const { return {mean.view(), invstd.view()}; }
  BatchNormStatistics statistics() const;
  BatchNormSums sums() const;
  BatchNormSums totals() const;
  BatchNormApply apply_tensors() const { return {x.view(), parameters(), saved(), y.view()}; }
  BatchNormInference inference_tensors() const {
    return {x.view(), parameters(), running(), y.view()};
  }
  BatchNormBackward backward_tensors() const {
    return {x.view(), parameters(), saved(), dy.view(), dx.view(), dweight.view(), dbias.view()};
  }

  BatchNormLocal local_tensors() const {
    return {statistics(), running(), saved(), ticket_memory.view()};
  }
  BatchNormReduction reduction() const { return {sums(), totals(), ticket_memory.view()}; }

  void forward() const;
  void backward() const;
  /// Guard bytes, and that the tickets are zeros again.
  Comparison guards() const;
  bool guards_intact() const { return guards().passed(); }
};

/// Statistics of several ranks, one part each, on a device.
struct RankStatistics {
  GuardedTensor memory;
  BatchNormStatistics view;

  RankStatistics(const Context& context, int groups, std::int64_t ranks, std::int64_t channels)
      : memory(context, {BatchNormStatistics::elements(groups, ranks, channels)}, DType::f32),
        view(BatchNormStatistics::in(memory.view(), groups, ranks, channels)) {}
};

struct NormCase {
  Shape shape;  ///< (N, H, W, C)
  BatchNormOptions options;
};

std::string to_string(const NormCase& one);

/// Channels of whole and of partial vectors, more channels than a tile, few and many rows, one to
/// three groups.
std::vector<NormCase> norm_cases();

/// Bound on the relative error of a normalised tensor of a group with `rows` values per channel,
/// stored in `dtype`.
double norm_bound(DType dtype, std::int64_t rows);

/// Inference, forward and backward passes with every result, a forward pass as one of several
/// ranks, and guard bytes.
void check_norm(const Context& context, const NormCase& one, DType dtype, const Report& report);

}  // namespace dcgan::test

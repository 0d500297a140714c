// Batch norm's tensors on a device, between guards, and its steps one after the other.
#pragma once

#include "kernels/norm/batch_norm.h"
#include "tests/kernels/support.h"
#include "tests/reference/batch_norm.h"

namespace dcgan::test {

using reference::BatchNormState;

inline BatchNormState random_state(std::int64_t channels) {
  BatchNormState state{reference::random_values({channels}, 10, DType::f32, 1.0, 0.3),
                       reference::random_values({channels}, 11, DType::f32, 0.0, 0.3),
                       reference::random_values({channels}, 12, DType::f32, 0.0, 0.1),
                       reference::random_values({channels}, 13, DType::f32, 1.0, 0.05), 3};
  for (double& var : state.running_var.v) var = std::fabs(var);
  return state;
}

/// One layer on one batch. The memory behind statistics and sums is garbage at first.
struct NormOnDevice {
  const Context& context;
  BatchNormOptions options;
  std::int64_t channels, parts;
  GuardedTensor x, dy, y, dx;
  GuardedTensor weight, bias, running_mean, running_var, tracked;
  GuardedTensor mean, invstd, dweight, dbias;
  GuardedTensor statistics_memory, sums_memory, totals_memory;

  NormOnDevice(const Context& on, const Values& x_values, const Values& dy_values,
               const BatchNormState& state, DType dtype, const BatchNormOptions& with)
      : context(on),
        options(with),
        channels(x_values.shape[3]),
        parts(batch_norm_parts(on, x_values.shape, dtype, with.groups)),
        x(on, x_values, dtype),
        dy(on, dy_values, dtype),
        y(on, x_values.shape, dtype),
        dx(on, x_values.shape, dtype),
        weight(on, state.weight, DType::f32),
        bias(on, state.bias, DType::f32),
        running_mean(on, state.running_mean, DType::f32),
        running_var(on, state.running_var, DType::f32),
        tracked(on, Values({1}, {static_cast<double>(state.batches_tracked)}), DType::i64),
        mean(on, {with.groups, channels}, DType::f32),
        invstd(on, {with.groups, channels}, DType::f32),
        dweight(on, {channels}, DType::f32),
        dbias(on, {channels}, DType::f32),
        statistics_memory(on, {BatchNormStatistics::elements(with.groups, parts, channels)},
                          DType::f32),
        sums_memory(on, {BatchNormSums::elements(with.groups, parts, channels)}, DType::f32),
        totals_memory(on, {BatchNormSums::elements(with.groups, 1, channels)}, DType::f32) {}

  /// Values of a channel in a group.
  std::int64_t count() const { return x.view().elements() / channels / options.groups; }
  BatchNormParameters parameters() const { return {weight.view(), bias.view()}; }
  BatchNormRunning running() const {
    return {running_mean.view(), running_var.view(), tracked.view()};
  }
  BatchNormSaved saved() const { return {mean.view(), invstd.view()}; }
  BatchNormStatistics statistics() const {
    return BatchNormStatistics::in(statistics_memory.view(), options.groups, parts, channels);
  }
  BatchNormSums sums() const {
    return BatchNormSums::in(sums_memory.view(), options.groups, parts, channels);
  }
  BatchNormSums totals() const {
    return BatchNormSums::in(totals_memory.view(), options.groups, 1, channels);
  }
  BatchNormBackward backward_tensors() const {
    return {x.view(), parameters(), saved(), dy.view(), dx.view(), dweight.view(), dbias.view()};
  }

  void forward() const {
    batch_norm_statistics(context, x.view(), statistics(), options);
    batch_norm_finish(context, statistics(), running(), saved(), options);
    batch_norm_apply(context, {x.view(), parameters(), saved(), y.view()}, options);
  }
  void backward() const {
    batch_norm_backward_sums(context, backward_tensors(), sums(), options);
    batch_norm_backward_finish(context, backward_tensors(), sums(), totals(), options);
    batch_norm_backward_apply(context, backward_tensors(), totals(), count(), options);
  }
  bool guards_intact() const {
    bool intact = true;
    for (const GuardedTensor* each :
         {&x, &dy, &y, &dx, &weight, &bias, &running_mean, &running_var, &tracked, &mean, &invstd,
          &dweight, &dbias, &statistics_memory, &sums_memory, &totals_memory}) {
      intact = intact && each->guards_intact();
    }
    return intact;
  }
};

/// The values of a view of a guarded tensor's memory.
inline Values read(const Context& context, const TensorView& view) {
  std::vector<float> host(static_cast<std::size_t>(view.elements()));
  download(context, view, {host.data(), view.shape});
  return {view.shape, {host.begin(), host.end()}};
}

inline void write(const Context& context, const Values& values, const TensorView& view) {
  std::vector<float> host(values.v.begin(), values.v.end());
  upload(context, {host.data(), view.shape}, view);
}

}  // namespace dcgan::test

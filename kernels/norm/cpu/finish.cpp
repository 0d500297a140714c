// What joins the parts: small next to the passes over memory, hence by one thread.
#include <algorithm>
#include <cmath>

#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/merge.h"

namespace dcgan::cpu {
namespace {

/// Merges the parts of a group, in order, into mean and m2, (C) each. Returns their count.
double merge_parts(const BatchNormStatistics& statistics, std::int64_t group,
                   float* __restrict mean, float* __restrict m2) {
  const std::int64_t parts = statistics.mean.shape[1];
  const std::int64_t channels = statistics.mean.shape[2];
  const auto* counts = statistics.count.as<float>() + group * parts;
  const auto* means = statistics.mean.as<float>() + group * parts * channels;
  const auto* m2s = statistics.m2.as<float>() + group * parts * channels;
  double count = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const double added = counts[part];
    const float* part_mean = means + part * channels;
    const float* part_m2 = m2s + part * channels;
    if (added == 0) continue;
    if (count == 0) {
      std::copy_n(part_mean, channels, mean);
      std::copy_n(part_m2, channels, m2);
    } else {
      const Merge merge(count, added);
      for (std::int64_t c = 0; c < channels; ++c) {
        merge(mean[c], m2[c], part_mean[c] - mean[c], part_m2[c]);
      }
    }
    count += added;
  }
  const auto* origin = statistics.origin.as<float>() + group * channels;
  for (std::int64_t c = 0; c < channels; ++c) mean[c] += origin[c];
  return count;
}

}  // namespace

void batch_norm_merge(const Context& /*context*/, const BatchNormStatistics& from,
                      const BatchNormStatistics& to, std::int64_t part) {
  const std::int64_t groups = to.mean.shape[0];
  const std::int64_t parts = to.mean.shape[1];
  const std::int64_t channels = to.mean.shape[2];
  for (const TensorView& view : {to.count, to.origin, to.mean, to.m2}) {
    std::fill_n(view.as<float>(), view.elements(), 0.0f);
  }
  for (std::int64_t group = 0; group < groups; ++group) {
    const std::int64_t at = group * parts + part;
    to.count.as<float>()[at] = static_cast<float>(merge_parts(
        from, group, to.mean.as<float>() + at * channels, to.m2.as<float>() + at * channels));
  }
}

void batch_norm_finish(const Context& /*context*/, const BatchNormStatistics& statistics,
                       const BatchNormRunning& running, const BatchNormSaved& saved,
                       const BatchNormOptions& options) {
  const std::int64_t channels = statistics.mean.shape[2];
  auto* running_mean = running.mean.as<float>();
  auto* running_var = running.var.as<float>();
  const float keep = 1.0f - options.momentum;
  for (std::int64_t group = 0; group < options.groups; ++group) {
    auto* mean = saved.mean.as<float>() + group * channels;
    auto* m2_to_invstd = saved.invstd.as<float>() + group * channels;
    const auto count = static_cast<float>(merge_parts(statistics, group, mean, m2_to_invstd));
    for (std::int64_t c = 0; c < channels; ++c) {
      const float unbiased = m2_to_invstd[c] / (count - 1.0f);
      running_mean[c] = keep * running_mean[c] + options.momentum * mean[c];
      running_var[c] = keep * running_var[c] + options.momentum * unbiased;
      m2_to_invstd[c] = 1.0f / std::sqrt(m2_to_invstd[c] / count + options.epsilon);
    }
  }
  *running.batches_tracked.as<std::int64_t>() += options.groups;
}

void batch_norm_local_statistics(const Context& context, ConstTensorView x,
                                 const BatchNormLocal& tensors, const BatchNormOptions& options) {
  cpu::batch_norm_statistics(context, x, tensors.parts, options);
  cpu::batch_norm_finish(context, tensors.parts, tensors.running, tensors.saved, options);
}

}  // namespace dcgan::cpu

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

void batch_norm_backward_finish(const Context& /*context*/, const BatchNormBackward& tensors,
                                const BatchNormSums& sums, const BatchNormSums& totals,
                                const BatchNormOptions& options) {
  const std::int64_t parts = sums.gradient.shape[1];
  const std::int64_t channels = sums.gradient.shape[2];
  const auto add_parts = [&](const TensorView& from, const TensorView& to, std::int64_t group) {
    const float* part = from.as<float>() + group * parts * channels;
    float* __restrict total = to.as<float>() + group * channels;
    std::copy_n(part, channels, total);
    for (std::int64_t i = 1; i < parts; ++i) {
      part += channels;
      for (std::int64_t c = 0; c < channels; ++c) total[c] += part[c];
    }
  };
  for (std::int64_t group = 0; group < options.groups; ++group) {
    add_parts(sums.gradient, totals.gradient, group);
    add_parts(sums.moment, totals.moment, group);
  }
  if (tensors.dweight.empty()) return;
  auto* dweight = tensors.dweight.as<float>();
  auto* dbias = tensors.dbias.as<float>();
  std::fill_n(dweight, channels, 0.0f);
  std::fill_n(dbias, channels, 0.0f);
  for (std::int64_t group = 0; group < options.groups; ++group) {
    const auto* gradient = totals.gradient.as<float>() + group * channels;
    const auto* moment = totals.moment.as<float>() + group * channels;
    const auto* invstd = tensors.saved.invstd.as<float>() + group * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      dbias[c] += gradient[c];
      dweight[c] += moment[c] * invstd[c];
    }
  }
}

}  // namespace dcgan::cpu

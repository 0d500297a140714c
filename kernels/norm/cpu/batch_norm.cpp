// Two passes over memory forward: statistics; normalise and activate.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/common/cpu_loops.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/statistics.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

/// y = activation((x - mean) * scale + bias) over rows of a tile of channels. Not x * scale +
/// shift: with |mean| >> sigma that cancels.
template <class T, Activation kind>
void normalise_tile(const T* x, T* y, std::int64_t rows, std::int64_t channels, std::int64_t tile,
                    const float* __restrict mean, const float* __restrict scale,
                    const float* __restrict bias, float slope) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* from = x + row * channels;
    T* to = y + row * channels;
#pragma GCC ivdep  // y is x or apart from it
    for (std::int64_t c = 0; c < tile; ++c) {
      const float normal = (static_cast<float>(from[c]) - mean[c]) * scale[c] + bias[c];
      to[c] = static_cast<T>(activate<kind>(normal, slope));
    }
  }
}

/// All rows of one group. invstd_of(c) gives a channel's 1 / sqrt(var + epsilon).
template <class T, class InvstdOf>
void normalise_rows(const T* x, T* y, std::int64_t rows, std::int64_t channels, const float* mean,
                    const BatchNormParameters& parameters, const ActivationSpec& activation,
                    const InvstdOf& invstd_of) {
  const auto* weight = parameters.weight.as<float>();
  const auto* bias = parameters.bias.as<float>();
  const std::int64_t grain = std::max<std::int64_t>(1, kElementGrain / channels);
  with_activation(activation.kind, [&]<Activation kind>() {
    parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      std::array<float, kChannelTile> scale;
      for (std::int64_t c0 = 0; c0 < channels; c0 += kChannelTile) {
        const std::int64_t tile = std::min(kChannelTile, channels - c0);
        for (std::int64_t c = 0; c < tile; ++c) {
          scale[static_cast<std::size_t>(c)] = invstd_of(c0 + c) * weight[c0 + c];
        }
        const std::int64_t offset = begin * channels + c0;
        normalise_tile<T, kind>(x + offset, y + offset, end - begin, channels, tile, mean + c0,
                                scale.data(), bias + c0, activation.negative_slope);
      }
    });
  });
}

/// Turns the sums of squares into invstd and moves the running statistics, group by group.
void finish_statistics(const RowChunks& cut, const BatchNormRunning& running, const float* mean,
                       float* squares_to_invstd, const BatchNormOptions& options) {
  auto* running_mean = running.mean.as<float>();
  auto* running_var = running.var.as<float>();
  const auto count = static_cast<float>(cut.rows);
  const float keep = 1.0f - options.momentum;
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    const float* group_mean = mean + group * cut.channels;
    float* group_squares = squares_to_invstd + group * cut.channels;
    for (std::int64_t c = 0; c < cut.channels; ++c) {
      const float unbiased = group_squares[c] / (count - 1.0f);
      running_mean[c] = keep * running_mean[c] + options.momentum * group_mean[c];
      running_var[c] = keep * running_var[c] + options.momentum * unbiased;
      group_squares[c] = 1.0f / std::sqrt(group_squares[c] / count + options.epsilon);
    }
  }
  *running.batches_tracked.as<std::int64_t>() += cut.groups;
}

}  // namespace

void batch_norm_train_forward(const Context& /*context*/, ConstTensorView x,
                              const BatchNormParameters& parameters,
                              const BatchNormRunning& running, TensorView y,
                              const BatchNormSaved& saved, TensorView scratch,
                              const BatchNormOptions& options) {
  const RowChunks cut(x.shape, options.groups);
  auto* mean = saved.mean.as<float>();
  auto* invstd = saved.invstd.as<float>();
  channel_statistics(x, cut, scratch.as<float>(), mean, /*squares=*/invstd);
  finish_statistics(cut, running, mean, invstd, options);
  with_float_type(x.dtype, [&]<class T>() {
    for (std::int64_t group = 0; group < cut.groups; ++group) {
      const std::int64_t offset = group * cut.rows * cut.channels;
      const float* group_invstd = invstd + group * cut.channels;
      normalise_rows(x.as<T>() + offset, y.as<T>() + offset, cut.rows, cut.channels,
                     mean + group * cut.channels, parameters, options.activation,
                     [=](std::int64_t c) { return group_invstd[c]; });
    }
  });
}

void batch_norm_eval_forward(const Context& /*context*/, ConstTensorView x,
                             const BatchNormParameters& parameters, const BatchNormRunning& running,
                             TensorView y, const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  const auto* var = running.var.as<float>();
  const float epsilon = options.epsilon;
  with_float_type(x.dtype, [&]<class T>() {
    normalise_rows(x.as<T>(), y.as<T>(), x.elements() / channels, channels,
                   running.mean.as<float>(), parameters, options.activation,
                   [=](std::int64_t c) { return 1.0f / std::sqrt(var[c] + epsilon); });
  });
}

}  // namespace dcgan::cpu

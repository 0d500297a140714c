// Batch normalisation and its activation in float64: two passes for the statistics, and the
// gradient as the textbook has it; by the same steps as kernels/norm/batch_norm.h.
#pragma once

#include <cmath>

#include "kernels/norm/batch_norm.h"
#include "tests/reference/activation.h"

namespace dcgan::reference {

struct BatchNormState {
  Values weight, bias, running_mean, running_var;  // (C)
  std::int64_t batches_tracked = 0;
};

/// Of the values of each channel in each group, (groups, C).
struct BatchNormMoments {
  Values mean, m2;         // m2: sum (x - mean)^2
  std::int64_t count = 0;  // M
};

inline BatchNormMoments batch_norm_moments(const Values& x, int groups) {
  const std::int64_t channels = x.shape[3];
  const std::int64_t rows = x.elements() / channels / groups;
  BatchNormMoments out{Values({groups, channels}), Values({groups, channels}), rows};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    out.mean[i / (rows * channels) * channels + i % channels] += x[i] / static_cast<double>(rows);
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t at = i / (rows * channels) * channels + i % channels;
    out.m2[at] += (x[i] - out.mean[at]) * (x[i] - out.mean[at]);
  }
  return out;
}

struct BatchNormForward {
  Values y, mean, invstd;  // (N, H, W, C), (groups, C), (groups, C)
};

inline BatchNormForward batch_norm_train(const Values& x, BatchNormState& state,
                                         const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  const BatchNormMoments moments = batch_norm_moments(x, options.groups);
  const auto count = static_cast<double>(moments.count);
  const auto momentum = static_cast<double>(options.momentum);
  BatchNormForward out{Values(x.shape), moments.mean, Values(moments.mean.shape)};
  for (std::int64_t group = 0; group < options.groups; ++group) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t at = group * channels + c;
      out.invstd[at] = 1 / std::sqrt(moments.m2[at] / count + static_cast<double>(options.epsilon));
      state.running_mean[c] += momentum * (out.mean[at] - state.running_mean[c]);
      state.running_var[c] += momentum * (moments.m2[at] / (count - 1) - state.running_var[c]);
    }
    ++state.batches_tracked;
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t c = i % channels;
    const std::int64_t at = i / (moments.count * channels) * channels + c;
    out.y[i] = activate(options.activation,
                        (x[i] - out.mean[at]) * out.invstd[at] * state.weight[c] + state.bias[c]);
  }
  return out;
}

inline Values batch_norm_eval(const Values& x, const BatchNormState& state,
                              const BatchNormOptions& options) {
  Values y(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t c = i % x.shape[3];
    const double scale =
        state.weight[c] / std::sqrt(state.running_var[c] + static_cast<double>(options.epsilon));
    y[i] = activate(options.activation, (x[i] - state.running_mean[c]) * scale + state.bias[c]);
  }
  return y;
}

/// Of the values of each channel in each group, (groups, C).
struct BatchNormTotals {
  Values gradient, moment;  // sum g, sum g (x - mean)
};

/// g: the gradient before the activation, of dy[i].
inline double batch_norm_gradient_before(const Values& x, const Values& dy,
                                         const BatchNormState& state,
                                         const BatchNormForward& forward,
                                         const BatchNormOptions& options, std::int64_t i) {
  const std::int64_t channels = x.shape[3];
  const std::int64_t at = i / (x.elements() / options.groups) * channels + i % channels;
  const double z = (x[i] - forward.mean[at]) * forward.invstd[at] * state.weight[i % channels] +
                   state.bias[i % channels];
  return dy[i] * activation_derivative(options.activation, z);
}

inline BatchNormTotals batch_norm_totals(const Values& x, const Values& dy,
                                         const BatchNormState& state,
                                         const BatchNormForward& forward,
                                         const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  BatchNormTotals out{Values(forward.mean.shape), Values(forward.mean.shape)};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t at = i / (x.elements() / options.groups) * channels + i % channels;
    const double g = batch_norm_gradient_before(x, dy, state, forward, options, i);
    out.gradient[at] += g;
    out.moment[at] += g * (x[i] - forward.mean[at]);
  }
  return out;
}

/// count: values of a channel behind each total.
inline Values batch_norm_dx(const Values& x, const Values& dy, const BatchNormState& state,
                            const BatchNormForward& forward, const BatchNormTotals& totals,
                            double count, const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  Values dx(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t at = i / (x.elements() / options.groups) * channels + i % channels;
    const double invstd = forward.invstd[at];
    const double along = (x[i] - forward.mean[at]) * invstd * invstd * totals.moment[at];
    dx[i] = state.weight[i % channels] * invstd *
            (batch_norm_gradient_before(x, dy, state, forward, options, i) -
             (totals.gradient[at] + along) / count);
  }
  return dx;
}

struct BatchNormGradients {
  Values dx, dweight, dbias;
};

inline BatchNormGradients batch_norm_gradients(const Values& x, const Values& dy,
                                               const BatchNormState& state,
                                               const BatchNormForward& forward,
                                               const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  const std::int64_t count = x.elements() / channels / options.groups;
  const BatchNormTotals totals = batch_norm_totals(x, dy, state, forward, options);
  BatchNormGradients out{
      batch_norm_dx(x, dy, state, forward, totals, static_cast<double>(count), options),
      Values({channels}), Values({channels})};
  for (std::int64_t at = 0; at < totals.moment.elements(); ++at) {
    out.dweight[at % channels] += totals.moment[at] * forward.invstd[at];
    out.dbias[at % channels] += totals.gradient[at];
  }
  return out;
}

}  // namespace dcgan::reference

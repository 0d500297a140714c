// Batch normalisation and its activation in float64: two passes for the statistics, and the
// gradient as the textbook has it.
#pragma once

#include <cmath>

#include "kernels/norm/batch_norm.h"
#include "tests/reference/activation.h"

namespace dcgan::reference {

struct BatchNormState {
  Values weight, bias, running_mean, running_var;  // (C)
  std::int64_t batches_tracked = 0;
};

struct BatchNormForward {
  Values y, mean, invstd;  // (N, H, W, C), (groups, C), (groups, C)
};

inline BatchNormForward batch_norm_train(const Values& x, BatchNormState& state,
                                         const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  const std::int64_t rows = x.elements() / channels / options.groups;
  const auto momentum = static_cast<double>(options.momentum);
  BatchNormForward out{Values(x.shape), Values({options.groups, channels}),
                       Values({options.groups, channels})};
  for (std::int64_t group = 0; group < options.groups; ++group) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t first = group * rows * channels + c;
      double sum = 0;
      for (std::int64_t row = 0; row < rows; ++row) sum += x[first + row * channels];
      const double mean = sum / static_cast<double>(rows);
      double squares = 0;
      for (std::int64_t row = 0; row < rows; ++row) {
        squares += (x[first + row * channels] - mean) * (x[first + row * channels] - mean);
      }
      const double var = squares / static_cast<double>(rows);
      const double invstd = 1 / std::sqrt(var + static_cast<double>(options.epsilon));
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t i = first + row * channels;
        out.y[i] =
            activate(options.activation, (x[i] - mean) * invstd * state.weight[c] + state.bias[c]);
      }
      out.mean[group * channels + c] = mean;
      out.invstd[group * channels + c] = invstd;
      state.running_mean[c] += momentum * (mean - state.running_mean[c]);
      state.running_var[c] +=
          momentum * (squares / static_cast<double>(rows - 1) - state.running_var[c]);
    }
    ++state.batches_tracked;
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

struct BatchNormGradients {
  Values dx, dweight, dbias;
};

inline BatchNormGradients batch_norm_gradients(const Values& x, const Values& dy,
                                               const BatchNormState& state,
                                               const BatchNormForward& forward,
                                               const BatchNormOptions& options) {
  const std::int64_t channels = x.shape[3];
  const std::int64_t rows = x.elements() / channels / options.groups;
  BatchNormGradients out{Values(x.shape), Values({channels}), Values({channels})};
  for (std::int64_t group = 0; group < options.groups; ++group) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const double mean = forward.mean[group * channels + c];
      const double invstd = forward.invstd[group * channels + c];
      const auto place = [&](std::int64_t row) { return (group * rows + row) * channels + c; };
      const auto xhat = [&](std::int64_t i) { return (x[i] - mean) * invstd; };
      const auto before = [&](std::int64_t i) {
        return dy[i] *
               activation_derivative(options.activation, xhat(i) * state.weight[c] + state.bias[c]);
      };
      double sum = 0, product = 0;
      for (std::int64_t row = 0; row < rows; ++row) {
        sum += before(place(row));
        product += before(place(row)) * xhat(place(row));
      }
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t i = place(row);
        out.dx[i] = state.weight[c] * invstd *
                    (before(i) - (sum + xhat(i) * product) / static_cast<double>(rows));
      }
      out.dweight[c] += product;
      out.dbias[c] += sum;
    }
  }
  return out;
}

}  // namespace dcgan::reference

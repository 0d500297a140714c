// The two passes over memory of the backward direction: the sums of each channel; dx.
#include <algorithm>
#include <array>

#include "kernels/common/cpu_loops.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/row_parts.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

using Tile = std::array<float, kChannelTile>;

/// What both passes read of each channel, of one group.
struct ChannelConstants {
  const float* mean;
  const float* invstd;
  const float* weight;
  const float* bias;

  ChannelConstants(const BatchNormBackward& tensors, std::int64_t group, std::int64_t channels)
      : mean(tensors.saved.mean.as<float>() + group * channels),
        invstd(tensors.saved.invstd.as<float>() + group * channels),
        weight(tensors.parameters.weight.as<float>()),
        bias(tensors.parameters.bias.as<float>()) {}
};

/// Gradient before the activation. The mask comes from the same expression as in the forward pass.
template <Activation kind>
inline float gradient_before(float dy, float deviation, float scale, float bias, float slope) {
  if constexpr (kind == Activation::none) return dy;
  return dy * activation_derivative<kind>(deviation * scale + bias, slope);
}

/// Calls body.template operator()<T, kind>() for the types at hand.
template <class Body>
void with_float_type_and_activation(const BatchNormBackward& tensors,
                                    const BatchNormOptions& options, const Body& body) {
  with_float_type(tensors.x.dtype, [&]<class T>() {
    with_activation(options.activation.kind,
                    [&]<Activation kind>() { body.template operator()<T, kind>(); });
  });
}

/// Sums of one part's rows, for the tile of channels at c0.
template <class T, Activation kind>
void sum_tile(const T* x, const T* dy, std::int64_t rows, std::int64_t channels, std::int64_t c0,
              std::int64_t tile, const ChannelConstants& constants,
              float* __restrict total_gradient, float* __restrict total_moment, float slope) {
  Tile scale, gradient, moment;
  const float* __restrict mean = constants.mean + c0;
  const float* __restrict bias = constants.bias + c0;
  for (std::int64_t c = 0; c < tile; ++c) {
    scale[c] = constants.invstd[c0 + c] * constants.weight[c0 + c];
    total_gradient[c] = 0.0f;
    total_moment[c] = 0.0f;
  }
  for (std::int64_t first = 0; first < rows; first += kRowBlock) {
    std::fill_n(gradient.begin(), tile, 0.0f);
    std::fill_n(moment.begin(), tile, 0.0f);
    for (std::int64_t row = first; row < std::min(rows, first + kRowBlock); ++row) {
      const T* values = x + row * channels + c0;
      const T* gradients = dy + row * channels + c0;
      for (std::int64_t c = 0; c < tile; ++c) {
        const float deviation = static_cast<float>(values[c]) - mean[c];
        const float g = gradient_before<kind>(static_cast<float>(gradients[c]), deviation, scale[c],
                                              bias[c], slope);
        gradient[c] += g;
        moment[c] += g * deviation;
      }
    }
    for (std::int64_t c = 0; c < tile; ++c) {
      total_gradient[c] += gradient[c];
      total_moment[c] += moment[c];
    }
  }
}

/// dx over rows of one group; gradient, moment: its totals, (C) each.
template <class T, Activation kind>
void apply_tile(const T* x, const T* dy, T* dx, std::int64_t rows, std::int64_t channels,
                std::int64_t c0, std::int64_t tile, const ChannelConstants& constants,
                const float* gradient, const float* moment, float inverse_count, float slope) {
  Tile scale, per_deviation, constant;
  const float* __restrict mean = constants.mean + c0;
  const float* __restrict bias = constants.bias + c0;
  for (std::int64_t c = 0; c < tile; ++c) {
    const float invstd = constants.invstd[c0 + c];
    scale[c] = invstd * constants.weight[c0 + c];
    constant[c] = -scale[c] * gradient[c0 + c] * inverse_count;
    per_deviation[c] = -scale[c] * invstd * invstd * moment[c0 + c] * inverse_count;
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* values = x + row * channels + c0;
    const T* gradients = dy + row * channels + c0;
    T* out = dx + row * channels + c0;
#pragma GCC ivdep  // dx is dy or apart from it
    for (std::int64_t c = 0; c < tile; ++c) {
      const float deviation = static_cast<float>(values[c]) - mean[c];
      const float g = gradient_before<kind>(static_cast<float>(gradients[c]), deviation, scale[c],
                                            bias[c], slope);
      out[c] = static_cast<T>(g * scale[c] + (deviation * per_deviation[c] + constant[c]));
    }
  }
}

/// Adds up the parts, in their order, by one thread: small next to the passes over memory.
void finish_sums(const BatchNormBackward& tensors, const BatchNormSums& sums,
                 const BatchNormSums& totals, int groups) {
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
  for (std::int64_t group = 0; group < groups; ++group) {
    add_parts(sums.gradient, totals.gradient, group);
    add_parts(sums.moment, totals.moment, group);
  }
  if (tensors.dweight.empty()) return;
  auto* dweight = tensors.dweight.as<float>();
  auto* dbias = tensors.dbias.as<float>();
  std::fill_n(dweight, channels, 0.0f);
  std::fill_n(dbias, channels, 0.0f);
  for (std::int64_t group = 0; group < groups; ++group) {
    const auto* gradient = totals.gradient.as<float>() + group * channels;
    const auto* moment = totals.moment.as<float>() + group * channels;
    const auto* invstd = tensors.saved.invstd.as<float>() + group * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      dbias[c] += gradient[c];
      dweight[c] += moment[c] * invstd[c];
    }
  }
}

}  // namespace

void batch_norm_backward_sums(const Context& /*context*/, const BatchNormBackward& tensors,
                              const BatchNormReduction& reduction,
                              const BatchNormOptions& options) {
  const RowParts division(tensors.x.shape, options.groups);
  const std::int64_t channels = division.channels;
  auto* gradients = reduction.parts.gradient.as<float>();
  auto* moments = reduction.parts.moment.as<float>();
  with_float_type_and_activation(tensors, options, [&]<class T, Activation kind>() {
    const T* x = tensors.x.as<T>();
    const T* dy = tensors.dy.as<T>();
    parallel_for(division.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        const ChannelConstants constants(tensors, task / division.parts, channels);
        const std::int64_t offset = division.first_row(task) * channels;
        for (std::int64_t c0 = 0; c0 < channels; c0 += kChannelTile) {
          sum_tile<T, kind>(x + offset, dy + offset, division.row_count(task), channels, c0,
                            std::min(kChannelTile, channels - c0), constants,
                            gradients + task * channels + c0, moments + task * channels + c0,
                            options.activation.negative_slope);
        }
      }
    });
  });
  finish_sums(tensors, reduction.parts, reduction.totals, options.groups);
}

void batch_norm_backward_apply(const Context& /*context*/, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options) {
  const RowParts division(tensors.x.shape, options.groups);
  const std::int64_t channels = division.channels;
  const float inverse_count = 1.0f / static_cast<float>(count);
  const std::int64_t grain = std::max<std::int64_t>(1, kElementGrain / channels);
  with_float_type_and_activation(tensors, options, [&]<class T, Activation kind>() {
    for (std::int64_t group = 0; group < options.groups; ++group) {
      const ChannelConstants constants(tensors, group, channels);
      const float* gradient = totals.gradient.as<float>() + group * channels;
      const float* moment = totals.moment.as<float>() + group * channels;
      const std::int64_t start = group * division.rows * channels;
      parallel_for(division.rows, grain, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t offset = start + begin * channels;
        for (std::int64_t c0 = 0; c0 < channels; c0 += kChannelTile) {
          apply_tile<T, kind>(tensors.x.as<T>() + offset, tensors.dy.as<T>() + offset,
                              tensors.dx.as<T>() + offset, end - begin, channels, c0,
                              std::min(kChannelTile, channels - c0), constants, gradient, moment,
                              inverse_count, options.activation.negative_slope);
        }
      });
    }
  });
}

}  // namespace dcgan::cpu

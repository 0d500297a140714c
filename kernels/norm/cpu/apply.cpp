// The pass over memory that normalises and activates.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/common/cpu_loops.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/row_parts.h"
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

}  // namespace

void batch_norm_apply(const Context& /*context*/, const BatchNormApply& tensors,
                      const BatchNormOptions& options) {
  const Shape& shape = tensors.x.shape;
  const std::int64_t channels = shape[3];
  const std::int64_t rows = shape[0] / options.groups * shape[1] * shape[2];
  with_float_type(tensors.x.dtype, [&]<class T>() {
    for (std::int64_t group = 0; group < options.groups; ++group) {
      const std::int64_t offset = group * rows * channels;
      const float* invstd = tensors.saved.invstd.as<float>() + group * channels;
      normalise_rows(tensors.x.as<T>() + offset, tensors.y.as<T>() + offset, rows, channels,
                     tensors.saved.mean.as<float>() + group * channels, tensors.parameters,
                     options.activation, [=](std::int64_t c) { return invstd[c]; });
    }
  });
}

void batch_norm_inference(const Context& /*context*/, const BatchNormInference& tensors,
                          const BatchNormOptions& options) {
  const std::int64_t channels = tensors.x.shape[3];
  const auto* var = tensors.running.var.as<float>();
  const float epsilon = options.epsilon;
  with_float_type(tensors.x.dtype, [&]<class T>() {
    normalise_rows(tensors.x.as<T>(), tensors.y.as<T>(), tensors.x.elements() / channels, channels,
                   tensors.running.mean.as<float>(), tensors.parameters, options.activation,
                   [=](std::int64_t c) { return 1.0f / std::sqrt(var[c] + epsilon); });
  });
}

}  // namespace dcgan::cpu

// Two passes over memory: the two sums of each channel; the gradient. With g = dy * activation'
// and xhat = (x - mean) * invstd,
//   dbias = sum g,  dweight = sum g xhat,
//   dx = weight * invstd * (g - dbias / M - xhat * dweight / M)   (sums of the group).
#include <algorithm>
#include <array>

#include "kernels/common/cpu_loops.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cpu/row_chunks.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

using Tile = std::array<float, kChannelTile>;

/// What both passes read of each channel of a tile, of one group.
struct ChannelFacts {
  const float* mean;
  const float* invstd;
  const float* weight;
  const float* bias;

  ChannelFacts(const BatchNormBackward& tensors, std::int64_t group, std::int64_t channels)
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

/// sums: (2, C) of one chunk, the tile at c0: sum g, sum g (x - mean).
template <class T, Activation kind>
void sum_tile(const T* x, const T* dy, std::int64_t rows, std::int64_t channels, std::int64_t c0,
              std::int64_t tile, const ChannelFacts& facts, float* sums, float slope) {
  Tile scale, sum, product;
  const float* __restrict mean = facts.mean + c0;
  const float* __restrict bias = facts.bias + c0;
  float* __restrict total = sums + c0;
  float* __restrict total_product = sums + channels + c0;
  for (std::int64_t c = 0; c < tile; ++c) {
    scale[c] = facts.invstd[c0 + c] * facts.weight[c0 + c];
    total[c] = 0.0f;
    total_product[c] = 0.0f;
  }
  for (std::int64_t first = 0; first < rows; first += kRowBlock) {
    std::fill_n(sum.begin(), tile, 0.0f);
    std::fill_n(product.begin(), tile, 0.0f);
    for (std::int64_t row = first; row < std::min(rows, first + kRowBlock); ++row) {
      const T* values = x + row * channels + c0;
      const T* gradients = dy + row * channels + c0;
      for (std::int64_t c = 0; c < tile; ++c) {
        const float deviation = static_cast<float>(values[c]) - mean[c];
        const float g = gradient_before<kind>(static_cast<float>(gradients[c]), deviation, scale[c],
                                              bias[c], slope);
        sum[c] += g;
        product[c] += g * deviation;
      }
    }
    for (std::int64_t c = 0; c < tile; ++c) {
      total[c] += sum[c];
      total_product[c] += product[c];
    }
  }
}

/// dx over rows of one group; sums: (2, C) of the group.
template <class T, Activation kind>
void apply_tile(const T* x, const T* dy, T* dx, std::int64_t rows, std::int64_t channels,
                std::int64_t c0, std::int64_t tile, const ChannelFacts& facts, const float* sums,
                float inverse_count, float slope) {
  Tile scale, per_deviation, constant;
  const float* __restrict mean = facts.mean + c0;
  const float* __restrict bias = facts.bias + c0;
  for (std::int64_t c = 0; c < tile; ++c) {
    const float invstd = facts.invstd[c0 + c];
    scale[c] = invstd * facts.weight[c0 + c];
    constant[c] = -scale[c] * sums[c0 + c] * inverse_count;
    per_deviation[c] = -scale[c] * invstd * invstd * sums[channels + c0 + c] * inverse_count;
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

/// partials: (groups, chunks, 2, C); leaves each group's sums at its first chunk.
template <class T, Activation kind>
void sum_pass(const BatchNormBackward& tensors, const RowChunks& cut, float* partials,
              float slope) {
  const std::int64_t channels = cut.channels;
  const T* x = tensors.x.as<T>();
  const T* dy = tensors.dy.as<T>();
  parallel_for(cut.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const ChannelFacts facts(tensors, task / cut.chunks, channels);
      const std::int64_t offset = cut.first_row(task) * channels;
      for (std::int64_t c0 = 0; c0 < channels; c0 += kChannelTile) {
        sum_tile<T, kind>(x + offset, dy + offset, cut.row_count(task), channels, c0,
                          std::min(kChannelTile, channels - c0), facts,
                          partials + 2 * task * channels, slope);
      }
    }
  });
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    float* sums = partials + 2 * group * cut.chunks * channels;
    for (std::int64_t chunk = 1; chunk < cut.chunks; ++chunk) {
      const float* added = sums + 2 * chunk * channels;
      for (std::int64_t c = 0; c < 2 * channels; ++c) sums[c] += added[c];
    }
  }
}

template <class T, Activation kind>
void apply_pass(const BatchNormBackward& tensors, const RowChunks& cut, const float* partials,
                float slope) {
  const std::int64_t channels = cut.channels;
  const float inverse_count = 1.0f / static_cast<float>(cut.rows);
  const std::int64_t grain = std::max<std::int64_t>(1, kElementGrain / channels);
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    const ChannelFacts facts(tensors, group, channels);
    const float* sums = partials + 2 * group * cut.chunks * channels;
    const std::int64_t start = group * cut.rows * channels;
    parallel_for(cut.rows, grain, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t offset = start + begin * channels;
      for (std::int64_t c0 = 0; c0 < channels; c0 += kChannelTile) {
        apply_tile<T, kind>(tensors.x.as<T>() + offset, tensors.dy.as<T>() + offset,
                            tensors.dx.as<T>() + offset, end - begin, channels, c0,
                            std::min(kChannelTile, channels - c0), facts, sums, inverse_count,
                            slope);
      }
    });
  }
}

void parameter_gradients(const BatchNormBackward& tensors, const RowChunks& cut,
                         const float* partials) {
  if (tensors.dweight.empty()) return;
  auto* dweight = tensors.dweight.as<float>();
  auto* dbias = tensors.dbias.as<float>();
  std::fill_n(dweight, cut.channels, 0.0f);
  std::fill_n(dbias, cut.channels, 0.0f);
  for (std::int64_t group = 0; group < cut.groups; ++group) {
    const ChannelFacts facts(tensors, group, cut.channels);
    const float* sums = partials + 2 * group * cut.chunks * cut.channels;
    for (std::int64_t c = 0; c < cut.channels; ++c) {
      dbias[c] += sums[c];
      dweight[c] += sums[cut.channels + c] * facts.invstd[c];
    }
  }
}

}  // namespace

void batch_norm_backward(const Context& /*context*/, const BatchNormBackward& tensors,
                         TensorView scratch, const BatchNormOptions& options) {
  const RowChunks cut(tensors.x.shape, options.groups);
  auto* partials = scratch.as<float>();
  const float slope = options.activation.negative_slope;
  with_float_type(tensors.x.dtype, [&]<class T>() {
    with_activation(options.activation.kind, [&]<Activation kind>() {
      sum_pass<T, kind>(tensors, cut, partials, slope);
      parameter_gradients(tensors, cut, partials);
      apply_pass<T, kind>(tensors, cut, partials, slope);
    });
  });
}

std::int64_t batch_norm_scratch_elements(const Context& /*context*/, const Shape& shape,
                                         int groups) {
  return RowChunks(shape, groups).partials();
}

}  // namespace dcgan::cpu

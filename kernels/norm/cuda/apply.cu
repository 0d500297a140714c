// The pass over memory that normalises and activates: the third launch of training's forward
// direction, the only one of inference.
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {
namespace {

constexpr int kRowsAtOnce = 4;  // loads in flight of one thread

enum class Spread { inverse_deviation, variance };

template <class T>
struct ApplyArguments {
  const T* x;
  T* y;
  const float* mean;    // (groups, C)
  const float* spread;  // (groups, C): what the kernel's Spread says
  const float* weight;  // (C)
  const float* bias;
  float epsilon;
  float negative_slope;
};

template <class T, int width, Activation kind, Spread spread>
__global__ void __launch_bounds__(kChannelThreads, 3)
    batch_norm_apply_kernel(ApplyArguments<T> arguments, ChannelRows division) {
  start_after_previous();
  const ChannelThread thread = channel_thread<width>(division, Sweep::ascending);
  if (thread.rows == 0) return;
  const int at = static_cast<int>(blockIdx.z) * division.channels + thread.channel;
  const Values<width> mean = load_channels<width>(arguments.mean + at);
  const Values<width> bias = load_channels<width>(arguments.bias + thread.channel);
  const Values<width> weight = load_channels<width>(arguments.weight + thread.channel);
  Values<width> scale = load_channels<width>(arguments.spread + at);
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const float invstd = spread == Spread::inverse_deviation
                             ? scale.v[j]
                             : 1.0f / sqrtf(scale.v[j] + arguments.epsilon);
    scale.v[j] = invstd * weight.v[j];
  }
  for_rows<kRowsAtOnce>(thread, [&](std::int64_t element, int count) {
    Values<width> rows[kRowsAtOnce];  // all loads before the first store: y may be x
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i < count) rows[i] = load<width>(arguments.x + element + i * thread.stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i >= count) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float z = fmaf(rows[i].v[j] - mean.v[j], scale.v[j], bias.v[j]);
        rows[i].v[j] = activate<kind>(z, arguments.negative_slope);
      }
      store<width>(arguments.y + element + i * thread.stride, rows[i]);
    }
  });
}

/// y from x, given the mean and the spread of each group: (groups, C) each.
template <Spread spread>
void apply(const Context& context, ConstTensorView x, TensorView y, ConstTensorView means,
           ConstTensorView spreads, const BatchNormParameters& parameters, int groups,
           const BatchNormOptions& options) {
  const bool wide =
      rows_are_wide(x.shape, x.dtype) && aligned16(x.data, y.data, means.data, spreads.data,
                                                   parameters.weight.data, parameters.bias.data);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const ApplyArguments<T> arguments{x.as<T>(),
                                      y.as<T>(),
                                      means.as<float>(),
                                      spreads.as<float>(),
                                      parameters.weight.as<float>(),
                                      parameters.bias.as<float>(),
                                      options.epsilon,
                                      options.activation.negative_slope};
    const ChannelRows division = channel_rows(x.shape, groups, width, kThreeResident);
    with_activation(options.activation.kind, [&]<Activation kind>() {
      if constexpr (kind != Activation::tanh) {  // refused by the contract
        launch(context, batch_norm_apply_kernel<T, width, kind, spread>,
               {"batch_norm_apply_kernel", division.blocks(), division.threads()}, arguments,
               division);
      }
    });
  });
}

}  // namespace

void batch_norm_apply(const Context& context, const BatchNormApply& tensors,
                      const BatchNormOptions& options) {
  apply<Spread::inverse_deviation>(context, tensors.x, tensors.y, tensors.saved.mean,
                                   tensors.saved.invstd, tensors.parameters, options.groups,
                                   options);
}

void batch_norm_inference(const Context& context, const BatchNormInference& tensors,
                          const BatchNormOptions& options) {
  apply<Spread::variance>(context, tensors.x, tensors.y, tensors.running.mean, tensors.running.var,
                          tensors.parameters, /*groups=*/1, options);
}

}  // namespace dcgan::cuda

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
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_apply_kernel(ApplyArguments<T> arguments, ChannelRows division) {
  start_after_previous();
  const ChannelThread thread = channel_thread<width>(division);
  if (!thread.active) return;
  Values<width> mean;
  Values<width> scale;
  Values<width> bias;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const int at = static_cast<int>(blockIdx.z) * division.channels + thread.channel + j;
    const float given = arguments.spread[at];
    const float invstd =
        spread == Spread::inverse_deviation ? given : 1.0f / sqrtf(given + arguments.epsilon);
    mean.v[j] = arguments.mean[at];
    scale.v[j] = invstd * arguments.weight[thread.channel + j];
    bias.v[j] = arguments.bias[thread.channel + j];
  }
  const T* from = arguments.x + thread.element;
  T* to = arguments.y + thread.element;
  const std::int64_t stride = thread.step * division.channels;
  for (std::int64_t row = thread.row; row < thread.end; row += kRowsAtOnce * thread.step) {
    Values<width> rows[kRowsAtOnce];  // all loads before the first store: y may be x
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step < thread.end) rows[i] = load<width>(from + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float z = fmaf(rows[i].v[j] - mean.v[j], scale.v[j], bias.v[j]);
        rows[i].v[j] = activate<kind>(z, arguments.negative_slope);
      }
      store<width>(to + i * stride, rows[i]);
    }
    from += kRowsAtOnce * stride;
    to += kRowsAtOnce * stride;
  }
}

/// y from x, given the mean and the spread of each group: (groups, C) each.
template <Spread spread>
void apply(const Context& context, ConstTensorView x, TensorView y, ConstTensorView means,
           ConstTensorView spreads, const BatchNormParameters& parameters, int groups,
           const BatchNormOptions& options) {
  const bool wide = rows_are_wide(x.shape, x.dtype) && aligned16(x.data, y.data);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const ApplyArguments<T> arguments{x.as<T>(),
                                      y.as<T>(),
                                      means.as<float>(),
                                      spreads.as<float>(),
                                      parameters.weight.as<float>(),
                                      parameters.bias.as<float>(),
                                      options.epsilon,
                                      options.activation.negative_slope};
    const ChannelRows division = channel_rows(x.shape, groups, width);
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

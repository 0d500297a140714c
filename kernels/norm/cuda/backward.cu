// The two passes over memory of the backward direction: the sums of every chunk of rows, which is a
// part, and dx. Between them batch_norm_backward_finish (finish.cu) adds up the parts.
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"

namespace dcgan::cuda {
namespace {

constexpr ChunkLimits kApplyLimits{/*most_blocks=*/2048, /*fewest_rows=*/4};
constexpr int kRowsAtOnce = 2;  // loads in flight of one thread, of x and of dy

template <class T>
struct BackwardArguments {
  const T* x;
  const T* dy;
  T* dx;                // may be dy
  const float* weight;  // (C)
  const float* bias;
  const float* mean;  // (groups, C)
  const float* invstd;
  float negative_slope;
};

/// What belongs to the channels of one thread. z is computed as in the forward pass, to the bit, so
/// that the mask is the forward pass's.
template <class T, int width, Activation kind>
struct ChannelConstants {
  Values<width> mean;
  Values<width> scale;
  Values<width> bias;
  float negative_slope;

  __device__ __forceinline__ ChannelConstants(const BackwardArguments<T>& arguments,
                                              const ChannelRows& division, int channel)
      : negative_slope(arguments.negative_slope) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const int at = static_cast<int>(blockIdx.z) * division.channels + channel + j;
      mean.v[j] = arguments.mean[at];
      scale.v[j] = arguments.invstd[at] * arguments.weight[channel + j];
      bias.v[j] = arguments.bias[channel + j];
    }
  }
  /// g, from the distance of x to the mean.
  __device__ __forceinline__ float before_activation(float dy, float distance, int j) const {
    if constexpr (kind == Activation::none) return dy;
    const float z = fmaf(distance, scale.v[j], bias.v[j]);
    return dy * activation_derivative<kind>(z, negative_slope);  // z > 0 iff activation(z) > 0
  }
};

/// gradients, moments: (groups, parts, C): sum g and sum g (x - mean).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_backward_sums_kernel(BackwardArguments<T> arguments, float* gradients,
                                    float* moments, ChannelRows division) {
  DCGAN_SHARED(float, shared_gradients, [width][kChannelThreads]);
  DCGAN_SHARED(float, shared_moments, [width][kChannelThreads]);
  const ChannelThread thread = channel_thread<width>(division);
  Values<width> gradient{};
  Values<width> moment{};
  if (thread.active) {
    const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
    std::int64_t at = thread.element;
#pragma unroll 2
    for (std::int64_t row = thread.row; row < thread.end; row += thread.step) {
      const Values<width> x = load<width>(arguments.x + at);
      const Values<width> dy = load<width>(arguments.dy + at);
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = x.v[j] - constants.mean.v[j];
        const float g = constants.before_activation(dy.v[j], distance, j);
        gradient.v[j] += g;
        moment.v[j] += g * distance;
      }
      at += thread.step * division.channels;
    }
  }
  const int place = place_in_block();
#pragma unroll
  for (int j = 0; j < width; ++j) {
    shared_gradients[j][place] = gradient.v[j];
    shared_moments[j][place] = moment.v[j];
  }
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      const int other = place + static_cast<int>(half * blockDim.x);
#pragma unroll
      for (int j = 0; j < width; ++j) {
        shared_gradients[j][place] += shared_gradients[j][other];
        shared_moments[j][place] += shared_moments[j][other];
      }
    }
  }
  if (threadIdx.y == 0 && thread.active) {
    const std::int64_t to = part_element(division, thread);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      gradients[to + j] = shared_gradients[j][place];
      moments[to + j] = shared_moments[j][place];
    }
  }
}

struct Totals {
  const float* gradient;  // (groups, C): sum g
  const float* moment;    // (groups, C): sum g (x - mean)
  float inverse_count;    // of the values behind each
};

template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_backward_apply_kernel(BackwardArguments<T> arguments, Totals totals,
                                     ChannelRows division) {
  const ChannelThread thread = channel_thread<width>(division);
  if (!thread.active) return;
  const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
  Values<width> mean_gradient;
  Values<width> slope;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    const int at = static_cast<int>(blockIdx.z) * division.channels + thread.channel + j;
    const float invstd = arguments.invstd[at];
    mean_gradient.v[j] = totals.gradient[at] * totals.inverse_count;
    slope.v[j] = totals.moment[at] * totals.inverse_count * invstd * invstd;
  }
  const std::int64_t stride = thread.step * division.channels;
  std::int64_t at = thread.element;
  for (std::int64_t row = thread.row; row < thread.end; row += kRowsAtOnce * thread.step) {
    Values<width> x[kRowsAtOnce];  // all loads before the first store: dx may be dy
    Values<width> dy[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
      x[i] = load<width>(arguments.x + at + i * stride);
      dy[i] = load<width>(arguments.dy + at + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (row + i * thread.step >= thread.end) break;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        const float distance = x[i].v[j] - constants.mean.v[j];
        const float g = constants.before_activation(dy[i].v[j], distance, j);
        dy[i].v[j] = constants.scale.v[j] * (g - mean_gradient.v[j] - distance * slope.v[j]);
      }
      store<width>(arguments.dx + at + i * stride, dy[i]);
    }
    at += kRowsAtOnce * stride;
  }
}

/// Calls body.template operator()<T, width, kind>(arguments) for the types at hand.
template <class Body>
void with_backward_arguments(const BatchNormBackward& tensors, const BatchNormOptions& options,
                             const TensorView& dx, const Body& body) {
  const ConstTensorView& x = tensors.x;
  const bool wide = rows_are_wide(x.shape, x.dtype) && aligned16(x.data, tensors.dy.data, dx.data);
  with_storage_and_width(x.dtype, wide, [&]<class T, int width>() {
    const BackwardArguments<T> arguments{x.as<T>(),
                                         tensors.dy.as<T>(),
                                         dx.empty() ? nullptr : dx.as<T>(),
                                         tensors.parameters.weight.as<float>(),
                                         tensors.parameters.bias.as<float>(),
                                         tensors.saved.mean.as<float>(),
                                         tensors.saved.invstd.as<float>(),
                                         options.activation.negative_slope};
    with_activation(options.activation.kind, [&]<Activation kind>() {
      if constexpr (kind != Activation::tanh) {  // refused by the contract
        body.template operator()<T, width, kind>(arguments);
      }
    });
  });
}

}  // namespace

void batch_norm_backward_sums(const Context& context, const BatchNormBackward& tensors,
                              const BatchNormSums& sums, const BatchNormOptions& options) {
  with_backward_arguments(
      tensors, options, /*dx=*/{},
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const ChannelRows division =
            part_rows(tensors.x.shape, tensors.x.dtype, options.groups, width);
        launch(context, batch_norm_backward_sums_kernel<T, width, kind>,
               {"batch_norm_backward_sums_kernel", division.blocks(), division.threads()},
               arguments, sums.gradient.as<float>(), sums.moment.as<float>(), division);
      });
}

void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options) {
  const Totals device_totals{totals.gradient.as<float>(), totals.moment.as<float>(),
                             1.0f / static_cast<float>(count)};
  with_backward_arguments(
      tensors, options, tensors.dx,
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const ChannelRows division =
            channel_rows(tensors.x.shape, options.groups, width, kApplyLimits);
        launch(context, batch_norm_backward_apply_kernel<T, width, kind>,
               {"batch_norm_backward_apply_kernel", division.blocks(), division.threads()},
               arguments, device_totals, division);
      });
}

}  // namespace dcgan::cuda

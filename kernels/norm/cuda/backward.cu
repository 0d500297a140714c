// The two passes over memory of the backward direction: the sums of every chunk of rows, which is a
// part, added up by the last block to arrive; and dx.
#include "kernels/common/cuda/last_block.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_rows.h"
#include "kernels/norm/cuda/channel_sums.h"

namespace dcgan::cuda {
namespace {

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

struct SumsOut {
  float* gradient;        // (groups, parts, C): sum g
  float* moment;          // (groups, parts, C): sum g (x - mean)
  float* total_gradient;  // (groups, C)
  float* total_moment;
  float* dweight;  // (C), or null
  float* dbias;
};

/// Of the thread's rows.
template <int width>
struct ChannelGradients {
  Values<width> gradient;
  Values<width> moment;
};

template <class T, int width, Activation kind>
__device__ __forceinline__ ChannelGradients<width> thread_sums(
    const BackwardArguments<T>& arguments, const ChannelThread& thread,
    const ChannelRows& division) {
  ChannelGradients<width> sums{};
  if (!thread.active) return sums;
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
      sums.gradient.v[j] += g;
      sums.moment.v[j] += g * distance;
    }
    at += thread.step * division.channels;
  }
  return sums;
}

/// The sum of a group's parts.
template <int width>
__device__ __forceinline__ Values<width> sum_of_parts(const float* parts, unsigned group,
                                                      const ChannelThread& thread,
                                                      const ChannelRows& division,
                                                      ChannelSumsMemory<width>& shared) {
  Values<width> sum{};
  const auto chunks = thread.active ? static_cast<unsigned>(division.chunks) : 0u;
#pragma unroll 4
  for (unsigned chunk = threadIdx.y; chunk < chunks; chunk += blockDim.y) {
    const Values<width> part =
        load_channels<width>(parts + part_element(division, group, chunk, thread));
#pragma unroll
    for (int j = 0; j < width; ++j) sum.v[j] += part.v[j];
  }
  return sum_rows_of_block(sum, shared);
}

/// Totals of each group, and over the groups the gradients of weight and bias.
template <int width>
__device__ __forceinline__ void finish_sums(const SumsOut& to, const float* invstd,
                                            const ChannelThread& thread,
                                            const ChannelRows& division,
                                            ChannelSumsMemory<width>& shared) {
  Values<width> dweight{};
  Values<width> dbias{};
  const bool writes = threadIdx.y == 0 && thread.active;
  for (unsigned group = 0; group < static_cast<unsigned>(division.groups); ++group) {
    const Values<width> gradient = sum_of_parts(to.gradient, group, thread, division, shared);
    const Values<width> moment = sum_of_parts(to.moment, group, thread, division, shared);
    if (!writes) continue;
    const std::int64_t at = std::int64_t{group} * division.channels + thread.channel;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      to.total_gradient[at + j] = gradient.v[j];
      to.total_moment[at + j] = moment.v[j];
      dbias.v[j] += gradient.v[j];
      dweight.v[j] += moment.v[j] * invstd[at + j];
    }
  }
  if (!writes || to.dweight == nullptr) return;
#pragma unroll
  for (int j = 0; j < width; ++j) {
    to.dweight[thread.channel + j] = dweight.v[j];
    to.dbias[thread.channel + j] = dbias.v[j];
  }
}

/// The last block of a tile of channels adds up the parts. tickets: (tiles).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads)
    batch_norm_backward_sums_kernel(BackwardArguments<T> arguments, SumsOut to,
                                    ChannelRows division, int* tickets) {
  start_after_previous();
  DCGAN_SHARED(ChannelSumsMemory<width>, shared, [1]);
  const ChannelThread thread = channel_thread<width>(division);
  const ChannelGradients<width> own = thread_sums<T, width, kind>(arguments, thread, division);
  const Values<width> gradient = sum_rows_of_block(own.gradient, shared[0]);
  const Values<width> moment = sum_rows_of_block(own.moment, shared[0]);
  if (threadIdx.y == 0 && thread.active) {
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, thread);
    store_channels(to.gradient + at, gradient);
    store_channels(to.moment + at, moment);
  }
  if (!is_last_block(tickets + blockIdx.x, gridDim.y * gridDim.z)) return;
  finish_sums(to, arguments.invstd, thread, division, shared[0]);
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
  start_after_previous();
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

/// Calls body.template operator()<T, width, kind>(arguments) for the types at hand. aligned: what
/// else is read in 16 bytes an access is.
template <class Body>
void with_backward_arguments(const BatchNormBackward& tensors, const BatchNormOptions& options,
                             const TensorView& dx, bool aligned, const Body& body) {
  const ConstTensorView& x = tensors.x;
  const bool wide =
      aligned && rows_are_wide(x.shape, x.dtype) && aligned16(x.data, tensors.dy.data, dx.data);
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
                              const BatchNormReduction& reduction,
                              const BatchNormOptions& options) {
  const bool wanted = !tensors.dweight.empty();
  const SumsOut to{
      reduction.parts.gradient.as<float>(),           reduction.parts.moment.as<float>(),
      reduction.totals.gradient.as<float>(),          reduction.totals.moment.as<float>(),
      wanted ? tensors.dweight.as<float>() : nullptr, wanted ? tensors.dbias.as<float>() : nullptr};
  with_backward_arguments(
      tensors, options, /*dx=*/{}, aligned16(to.gradient, to.moment),
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const ChannelRows division =
            part_rows(tensors.x.shape, tensors.x.dtype, options.groups, width);
        launch(context, batch_norm_backward_sums_kernel<T, width, kind>,
               {"batch_norm_backward_sums_kernel", division.blocks(), division.threads()},
               arguments, to, division, reduction.tickets.as<std::int32_t>());
      });
}

void batch_norm_backward_apply(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormSums& totals, std::int64_t count,
                               const BatchNormOptions& options) {
  const Totals device_totals{totals.gradient.as<float>(), totals.moment.as<float>(),
                             1.0f / static_cast<float>(count)};
  with_backward_arguments(
      tensors, options, tensors.dx, /*aligned=*/true,
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const ChannelRows division = channel_rows(tensors.x.shape, options.groups, width);
        launch(context, batch_norm_backward_apply_kernel<T, width, kind>,
               {"batch_norm_backward_apply_kernel", division.blocks(), division.threads()},
               arguments, device_totals, division);
      });
}

}  // namespace dcgan::cuda

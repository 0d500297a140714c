// The two passes over memory of the backward direction: the sums of every chunk of rows, which is a
// part, added up by the last block to arrive; and dx.
#include "kernels/common/cuda/last_block.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/channel_sets.h"

namespace dcgan::cuda {
namespace {

constexpr int kRowsAtOnce = 4;  // loads in flight of one thread, of x and of dy

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
    const int at = static_cast<int>(blockIdx.z) * division.channels + channel;
    const Values<width> invstd = load_channels<width>(arguments.invstd + at);
    const Values<width> weight = load_channels<width>(arguments.weight + channel);
    mean = load_channels<width>(arguments.mean + at);
    bias = load_channels<width>(arguments.bias + channel);
#pragma unroll
    for (int j = 0; j < width; ++j) scale.v[j] = invstd.v[j] * weight.v[j];
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

/// The two sums of a set of rows.
template <int width>
struct Sums {
  Values<width> gradient;
  Values<width> moment;

  __device__ __forceinline__ void add(const Sums& other) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      gradient.v[j] += other.gradient.v[j];
      moment.v[j] += other.moment.v[j];
    }
  }
  __device__ __forceinline__ Sums from_lane(int distance) const {
    Sums other;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      other.gradient.v[j] = __shfl_xor_sync(kFullWarp, gradient.v[j], distance);
      other.moment.v[j] = __shfl_xor_sync(kFullWarp, moment.v[j], distance);
    }
    return other;
  }
  __device__ __forceinline__ Sums<1> of_channel(int j) const {
    return {{gradient.v[j]}, {moment.v[j]}};
  }
};

/// Calls body(element, x, dy) for each of a thread's rows. The loads of several rows are started
/// before the first of these calls: what body writes may lie where dy was.
template <class T, int width, class Body>
__device__ __forceinline__ void for_loaded_rows(const BackwardArguments<T>& arguments,
                                                const ChannelThread& thread, const Body& body) {
  for_rows<kRowsAtOnce>(thread, [&](std::int64_t element, int count) {
    Values<width> x[kRowsAtOnce];
    Values<width> dy[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i >= count) break;
      x[i] = load<width>(arguments.x + element + i * thread.stride);
      dy[i] = load<width>(arguments.dy + element + i * thread.stride);
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (i >= count) break;
      body(element + i * thread.stride, x[i], dy[i]);
    }
  });
}

template <class T, int width, Activation kind>
__device__ __forceinline__ Sums<width> thread_sums(const BackwardArguments<T>& arguments,
                                                   const ChannelThread& thread,
                                                   const ChannelRows& division) {
  Sums<width> sums{};
  if (thread.rows == 0) return sums;
  const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
  for_loaded_rows<T, width>(
      arguments, thread,
      [&](std::int64_t /*element*/, const Values<width>& x, const Values<width>& dy) {
#pragma unroll
        for (int j = 0; j < width; ++j) {
          const float distance = x.v[j] - constants.mean.v[j];
          const float g = constants.before_activation(dy.v[j], distance, j);
          sums.gradient.v[j] += g;
          sums.moment.v[j] += g * distance;
        }
      });
  return sums;
}

/// Totals of each group, and over the groups the gradients of weight and bias.
template <int width>
__device__ __forceinline__ void finish_sums(const SumsOut& to, const float* invstd, int channel,
                                            const ChannelRows& division, const TileColumn& own,
                                            WarpSets<Sums, width>& shared) {
  float dweight = 0.0f;
  float dbias = 0.0f;
  join_groups<Sums, width>(
      division, channel, own, shared,
      [&](int group, int chunk) -> Sums<width> {
        const std::int64_t at = part_element(division, group, chunk, channel);
        return {load_channels<width>(to.gradient + at), load_channels<width>(to.moment + at)};
      },
      [&](std::int64_t at, const Sums<1>& all) {
        to.total_gradient[at] = all.gradient.v[0];
        to.total_moment[at] = all.moment.v[0];
        dbias += all.gradient.v[0];
        dweight += all.moment.v[0] * invstd[at];
      });
  if (!own.exists || to.dweight == nullptr) return;
  to.dweight[own.channel] = dweight;
  to.dbias[own.channel] = dbias;
}

/// The last block of a tile of channels adds up the parts. tickets: (tiles).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads, 2)
    batch_norm_backward_sums_kernel(BackwardArguments<T> arguments, SumsOut to,
                                    ChannelRows division, int* tickets) {
  start_after_previous();
  using Sets = WarpSets<Sums, width>;
  DCGAN_SHARED(Sets, shared, [1]);
  const ChannelThread thread = channel_thread<width>(division, Sweep::descending);
  join_warps(thread_sums<T, width, kind>(arguments, thread, division), shared[0]);
  const TileColumn own(division, width);
  if (own.exists) {
    const Sums<1> all = joined<kChannelWarps>(shared[0], 0, own.column);
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, own.channel);
    to.gradient[at] = all.gradient.v[0];
    to.moment[at] = all.moment.v[0];
  }
  if (!is_last_block(tickets + blockIdx.x, gridDim.y * gridDim.z)) return;
  finish_sums<width>(to, arguments.invstd, thread.channel, division, own, shared[0]);
}

struct Totals {
  const float* gradient;  // (groups, C): sum g
  const float* moment;    // (groups, C): sum g (x - mean)
  float inverse_count;    // of the values behind each
};

template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kChannelThreads, 2)
    batch_norm_backward_apply_kernel(BackwardArguments<T> arguments, Totals totals,
                                     ChannelRows division) {
  start_after_previous();
  const ChannelThread thread = channel_thread<width>(division, Sweep::ascending);
  if (thread.rows == 0) return;
  const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
  const int at = static_cast<int>(blockIdx.z) * division.channels + thread.channel;
  Values<width> mean_gradient = load_channels<width>(totals.gradient + at);
  Values<width> slope = load_channels<width>(totals.moment + at);
  const Values<width> invstd = load_channels<width>(arguments.invstd + at);
#pragma unroll
  for (int j = 0; j < width; ++j) {
    mean_gradient.v[j] *= totals.inverse_count;
    slope.v[j] *= totals.inverse_count * invstd.v[j] * invstd.v[j];
  }
  for_loaded_rows<T, width>(
      arguments, thread,
      [&](std::int64_t element, const Values<width>& x, const Values<width>& dy) {
        Values<width> dx;
#pragma unroll
        for (int j = 0; j < width; ++j) {
          const float distance = x.v[j] - constants.mean.v[j];
          const float g = constants.before_activation(dy.v[j], distance, j);
          dx.v[j] = constants.scale.v[j] * (g - mean_gradient.v[j] - distance * slope.v[j]);
        }
        store<width>(arguments.dx + element, dx);
      });
}

/// Calls body.template operator()<T, width, kind>(arguments) for the types at hand. aligned: what
/// else is read in 16 bytes an access is.
template <class Body>
void with_backward_arguments(const BatchNormBackward& tensors, const BatchNormOptions& options,
                             const TensorView& dx, bool aligned, const Body& body) {
  const ConstTensorView& x = tensors.x;
  const bool wide =
      aligned && rows_are_wide(x.shape, x.dtype) &&
      aligned16(x.data, tensors.dy.data, dx.data, tensors.parameters.weight.data,
                tensors.parameters.bias.data, tensors.saved.mean.data, tensors.saved.invstd.data);
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
      tensors, options, tensors.dx, aligned16(device_totals.gradient, device_totals.moment),
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const ChannelRows division =
            channel_rows(tensors.x.shape, options.groups, width, kTwoResident);
        launch(context, batch_norm_backward_apply_kernel<T, width, kind>,
               {"batch_norm_backward_apply_kernel", division.blocks(), division.threads()},
               arguments, device_totals, division);
      });
}

}  // namespace dcgan::cuda

// What the backward direction's kernels share: their arguments, the constants of a channel, the two
// sums.
#pragma once

#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/norm/batch_norm.h"
#include "kernels/norm/cuda/channel_sets.h"

namespace dcgan::cuda {

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

}  // namespace dcgan::cuda

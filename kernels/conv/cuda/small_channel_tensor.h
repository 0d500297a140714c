// The products of small_channel.h on tensor cores (sm_80 and later), for the layers that networks
// have: kernel 4, stride 2, padding 1, an image of 1 or 3 channels and even extents, features in
// multiples of 8. bf16, or f32 with factors rounded to TF32. Sums are f32, in a fixed order.
//
// A gradient that is derived while loading (DerivedTensor) is rounded to the type as a factor.
// Tensors of features and weights must be aligned to 16 bytes, images to 4.
#pragma once

#include "kernels/conv/cuda/small_channel.h"

namespace dcgan::cuda {

/// features = activation(forward product of image and weights).
void small_channel_tensor_forward(const Context& context, const SmallChannelConv& conv,
                                  const DerivedTensor& image, ConstTensorView weights,
                                  TensorView features, const ActivationSpec& activation);

/// image = activation(backward_data product of features and weights).
void small_channel_tensor_backward_data(const Context& context, const SmallChannelConv& conv,
                                        const DerivedTensor& features, ConstTensorView weights,
                                        TensorView image, const ActivationSpec& activation);

/// dweights (f32) = backward_weights product of image and features. `partials`: f32, at least
/// small_channel_tensor_partials() elements, contents undefined before and after.
void small_channel_tensor_backward_weights(const Context& context, const SmallChannelConv& conv,
                                           const DerivedTensor& image,
                                           const DerivedTensor& features, TensorView dweights,
                                           float* partials);
std::int64_t small_channel_tensor_partials(const SmallChannelConv& conv);

}  // namespace dcgan::cuda

// The three products of an underlying convolution (kernels/conv/underlying.h) whose image has 1 to
// 4 channels, on the GPU. Such layers move bytes more than they compute, and libraries pad the
// image to 8 channels; here an activation of the result, and the derivative of one on an input, are
// applied inside.
//
// Images are (N, H, W, C), features (N, P, Q, K), weights (K, kernel, kernel, C). The forward
// product is the first layer of a discriminator; backward_data is the last layer of a generator.
#pragma once

#include <cstddef>

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan::cuda {

struct SmallChannelConv {
  int images = 0;    // N
  int height = 0;    // H
  int width = 0;     // W
  int channels = 0;  // C, 1..4
  int rows = 0;      // P
  int columns = 0;   // Q
  int features = 0;  // K
  int kernel = 0;    // 1..4
  int stride = 0;    // 1 or 2, at most `kernel`
  int padding = 0;   // below `kernel`
  DType dtype = DType::f32;

  int taps() const { return kernel * kernel * channels; }
};

/// A tensor; or, when `output` is given, the gradient before the activation whose output it is:
/// data * activation'(output), computed while loading.
struct DerivedTensor {
  ConstTensorView data;
  ConstTensorView output;
  ActivationSpec activation;
};

/// features = activation(forward product of image and weights).
void small_channel_forward(const Context& context, const SmallChannelConv& conv,
                           const DerivedTensor& image, ConstTensorView weights, TensorView features,
                           const ActivationSpec& activation);

/// image = activation(backward_data product of features and weights).
void small_channel_backward_data(const Context& context, const SmallChannelConv& conv,
                                 const DerivedTensor& features, ConstTensorView weights,
                                 TensorView image, const ActivationSpec& activation);

/// dweights (f32) = backward_weights product of image and features. `partials`: f32, at least
/// small_channel_partials() elements, contents undefined before and after.
void small_channel_backward_weights(const Context& context, const SmallChannelConv& conv,
                                    const DerivedTensor& image, const DerivedTensor& features,
                                    TensorView dweights, float* partials);
std::int64_t small_channel_partials(const SmallChannelConv& conv);

}  // namespace dcgan::cuda

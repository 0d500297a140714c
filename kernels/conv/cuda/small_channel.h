// The three products of a convolution whose one side is an image of 1 to 4 channels, on the GPU.
// Those layers move bytes more than they compute, and libraries pad the image to 8 channels; here
// an activation on the result and the derivative of an activation on an operand ride along.
//
// Images are (N, H, W, C), features (N, P, Q, K), weights (K, kernel, kernel, C); pixel (p, q) of
// the features meets pixel (p stride - padding + r, q stride - padding + s) of the image through
// weights[:, r, s, :]. This is the first layer of a discriminator with the features as output, and
// the last layer of a generator with the image as output.
#pragma once

#include <cstddef>

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan::cuda {

struct ImageConv {
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

/// A tensor; or, when `output` is there, the gradient before an activation whose output that is:
/// data * activation'(output), computed while loading.
struct Operand {
  ConstTensorView data;
  ConstTensorView output;
  ActivationSpec activation;
};

/// features = activation(sum over r, s, c of image * weights).
void image_to_features(const Context& context, const ImageConv& conv, const Operand& image,
                       ConstTensorView weights, TensorView features, ActivationSpec activation);

/// image = activation(sum over the pixels p, q that meet it and k of features * weights).
void features_to_image(const Context& context, const ImageConv& conv, const Operand& features,
                       ConstTensorView weights, TensorView image, ActivationSpec activation);

/// dweights (f32) = sum over n, p, q of features * image. `partials`: f32, at least
/// image_weights_partials() elements, contents undefined before and after.
void image_weights(const Context& context, const ImageConv& conv, const Operand& image,
                   const Operand& features, TensorView dweights, float* partials);
std::int64_t image_weights_partials(const ImageConv& conv);

}  // namespace dcgan::cuda

// What a convolution's shape is, in one place: every variant and the benchmarks ask here.
//
// A transposed convolution computes the products of an ordinary one with the roles of its tensors
// exchanged. The algorithms below this room's contract know the ordinary convolution only:
//
//   forward           features[n,p,q,k] = sum over r, s, c of image[n, p*stride - padding + r,
//                                         q*stride - padding + s, c] * weights[k,r,s,c]
//   backward_data     image = the adjoint of it in the image
//   backward_weights  dweights = the adjoint of it in the weights
//
// with image (N, H, W, C), features (N, P, Q, K) and weights (K, kernel, kernel, C).
#pragma once

#include "kernels/conv/conv.h"

namespace dcgan {

/// The ordinary convolution under a layer, and which of its products are wanted.
struct UnderlyingConv {
  Shape image;     ///< (N, H, W, C): the input of a convolution, the output of a transposed one
  Shape features;  ///< (N, P, Q, K)
  int kernel = 0;
  int stride = 0;
  int padding = 0;
  DType dtype = DType::f32;  ///< of image, weights and features
  ConvPasses products = {};

  /// (K, kernel, kernel, C).
  Shape weight_shape() const { return {features[3], kernel, kernel, image[3]}; }
};
UnderlyingConv underlying_of(const ConvConfig& config);

/// The product of the underlying convolution that computes a pass of the layer. For a transposed
/// convolution forward and backward_data are exchanged.
ConvPass underlying_product(ConvType type, ConvPass pass);

/// The image and the features among a layer's input side (x or dx) and its output side (y or dy).
template <class View>
struct ImageAndFeatures {
  View image;
  View features;
};
template <class View>
ImageAndFeatures<View> image_and_features(ConvType type, const View& input, const View& output) {
  if (type == ConvType::convolution) return {input, output};
  return {output, input};
}

enum class ConvClass {
  gemm,           ///< one place of the kernel covers the whole image: a matrix product, K > 1
  gemv,           ///< the same with K == 1: one number an image
  small_channel,  ///< the image has 1 to 4 channels: bound by memory
  wide,           ///< everything else
};
ConvClass class_of(const UnderlyingConv& conv);

}  // namespace dcgan

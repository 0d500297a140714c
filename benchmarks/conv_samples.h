// Single elements of a convolution's three products in float64, for shapes whose whole product
// would take minutes.
#pragma once

#include "kernels/conv/conv.h"
#include "tests/reference/values.h"

namespace dcgan::benchmarks {

using reference::Values;

enum class Product { forward, data_gradient, weight_gradient };

/// The tensors of a layer; the one that a product makes is not read.
struct ConvTensors {
  const Values& x;        ///< (N, H, W, in_channels)
  const Values& weights;  ///< spec.weight_shape()
  const Values& dy;       ///< (N, P, Q, out_channels)
};

/// `count` elements of `result` at random places, and what they should be (no activation), as two
/// lists of equal order.
struct Samples {
  Values found;
  Values exact;
};
Samples sample_product(const ConvSpec& spec, Product product, const ConvTensors& tensors,
                       const Values& result, int count);

}  // namespace dcgan::benchmarks

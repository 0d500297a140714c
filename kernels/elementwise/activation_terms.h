// The formulas of the activations, for both devices and for operations that apply them inside: the
// value, and the derivative from the output alone, so that nothing but the output has to be kept.
#pragma once

#include <cmath>

#include "kernels/elementwise/activation.h"
#include "runtime/base/portability.h"

namespace dcgan {

template <Activation kind>
DCGAN_HOST_DEVICE inline float activate(float x, float negative_slope) {
  if constexpr (kind == Activation::relu) return x > 0.0f ? x : 0.0f;
  if constexpr (kind == Activation::leaky_relu) return x > 0.0f ? x : negative_slope * x;
  if constexpr (kind == Activation::tanh) return tanhf(x);
  return x;
}

/// d activate(x) / dx, from y = activate(x). A positive slope keeps the sign, so y > 0 iff x > 0;
/// at zero the derivative is the left one, as in PyTorch.
template <Activation kind>
DCGAN_HOST_DEVICE inline float activation_derivative(float y, float negative_slope) {
  if constexpr (kind == Activation::relu) return y > 0.0f ? 1.0f : 0.0f;
  if constexpr (kind == Activation::leaky_relu) return y > 0.0f ? 1.0f : negative_slope;
  if constexpr (kind == Activation::tanh) return 1.0f - y * y;
  return 1.0f;
}

/// Calls body.template operator()<kind>() for the run-time kind.
template <class Body>
decltype(auto) with_activation(Activation kind, const Body& body) {
  switch (kind) {
    case Activation::relu:
      return body.template operator()<Activation::relu>();
    case Activation::leaky_relu:
      return body.template operator()<Activation::leaky_relu>();
    case Activation::tanh:
      return body.template operator()<Activation::tanh>();
    case Activation::none:
      break;
  }
  return body.template operator()<Activation::none>();
}

}  // namespace dcgan

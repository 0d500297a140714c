// Activations in float64.
#pragma once

#include <cmath>

#include "kernels/elementwise/activation.h"
#include "tests/reference/values.h"

namespace dcgan::reference {

inline double activate(const ActivationSpec& activation, double x) {
  switch (activation.kind) {
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::leaky_relu:
      return x > 0 ? x : static_cast<double>(activation.negative_slope) * x;
    case Activation::tanh:
      return std::tanh(x);
    case Activation::none:
      break;
  }
  return x;
}

/// From the input x, not from the output.
inline double activation_derivative(const ActivationSpec& activation, double x) {
  switch (activation.kind) {
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::leaky_relu:
      return x > 0 ? 1 : static_cast<double>(activation.negative_slope);
    case Activation::tanh:
      return 1 - std::tanh(x) * std::tanh(x);
    case Activation::none:
      break;
  }
  return 1;
}

inline Values activate(const ActivationSpec& activation, Values x) {
  for (double& value : x.v) value = activate(activation, value);
  return x;
}

}  // namespace dcgan::reference

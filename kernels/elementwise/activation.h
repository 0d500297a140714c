// Activations, and a whole tensor's in place: for operations that cannot apply one inside.
//
//   relu        y = max(x, 0)
//   leaky_relu  y = x > 0 ? x : negative_slope * x
//   tanh        y = tanh(x)
//
// The derivative is computed from the output y. At zero it is the left one, as in PyTorch.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class Activation { none, relu, leaky_relu, tanh };

struct ActivationSpec {
  Activation kind = Activation::none;
  float negative_slope = 0.2f;  ///< leaky_relu only; > 0
};

/// y = activation(y), any shape, f32 or bf16. NaN stays NaN. On the CPU tanh is within 3 ulp of the
/// exact value.
void activate_in_place(const Context& context, TensorView y, const ActivationSpec& activation);

/// y = activation(y + bias[channel]), the channel being the last index of y (.., C): f32 or bf16,
/// computed in f32. bias: (C) f32; empty: activate_in_place.
void add_bias_and_activate(const Context& context, TensorView y, ConstTensorView bias,
                           const ActivationSpec& activation);

/// dy = dy * activation'(.), from y, the activation's output. Equal element counts and types, f32
/// or bf16; y and dy may not overlap. Activation::none: does nothing, and y may be empty.
void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  const ActivationSpec& activation);

}  // namespace dcgan

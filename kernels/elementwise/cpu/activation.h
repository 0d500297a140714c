// Activations over whole tensors, for CPU operations that cannot carry one inside.
#pragma once

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"

namespace dcgan::cpu {

/// y = activation(y), f32 or bf16. tanh within 3 ulp of the exact value; NaN stays NaN.
void apply_activation(TensorView y, const ActivationSpec& activation);

/// dy = dy * activation'(.), from y, the activation's output. Equal shapes and types.
void apply_activation_derivative(ConstTensorView y, TensorView dy,
                                 const ActivationSpec& activation);

}  // namespace dcgan::cpu

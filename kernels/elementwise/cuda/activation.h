// Activations on whole tensors in place, for library convolutions that have none inside.
#pragma once

#include "kernels/elementwise/activation.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan::cuda {

/// y = activation(y). f32 or bf16.
void activate_in_place(const Context& context, TensorView y, ActivationSpec activation);

/// dy = dy * activation'(.), from the output y. Equal types and element counts.
void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  ActivationSpec activation);

}  // namespace dcgan::cuda

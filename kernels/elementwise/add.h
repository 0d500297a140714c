// Sums of tensors.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// y = y + x, element by element, each sum rounded once. f32, equal element counts; no aliasing.
/// Accumulates gradients.
void add_in_place(const Context& context, ConstTensorView x, TensorView y);

}  // namespace dcgan

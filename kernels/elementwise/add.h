// Sums of tensors.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// y += x. f32, equal element counts. Enqueued.
void add_in_place(const Context& context, ConstTensorView x, TensorView y);

}  // namespace dcgan

// Is every number finite?
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// Sets flag (1) i32 to 1 when some value is NaN or infinite; leaves it alone otherwise, so that
/// one flag gathers many checks. values: f32 or bf16, any shape.
void detect_non_finite(const Context& context, ConstTensorView values, TensorView flag);

}  // namespace dcgan

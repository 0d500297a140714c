// Conversions of type and of layout. Layouts change at the door only: inside, everything is
// channels-last.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// y = x in another type; f32 <-> bf16 (round to nearest even), equal element counts.
void convert_type(const Context& context, ConstTensorView x, TensorView y);

/// (A, B, H, W) -> (A, H, W, B): images from NCHW, weights from PyTorch's layouts. f32. No
/// aliasing.
void to_channels_last(const Context& context, ConstTensorView x, TensorView y);
/// (A, H, W, B) -> (A, B, H, W). f32. No aliasing.
void to_channels_first(const Context& context, ConstTensorView x, TensorView y);

}  // namespace dcgan

// The variants behind convert.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/elementwise/convert.h"

namespace dcgan {

namespace cpu {
void convert_type(const Context& context, ConstTensorView x, TensorView y);
void to_channels_last(const Context& context, ConstTensorView x, TensorView y);
void to_channels_first(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cpu

namespace cuda {
void convert_type(const Context& context, ConstTensorView x, TensorView y);
void to_channels_last(const Context& context, ConstTensorView x, TensorView y);
void to_channels_first(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cuda

}  // namespace dcgan

// The variants behind add.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/elementwise/add.h"

namespace dcgan {

namespace cpu {
void add_in_place(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cpu

namespace cuda {
void add_in_place(const Context& context, ConstTensorView x, TensorView y);
}  // namespace cuda

}  // namespace dcgan

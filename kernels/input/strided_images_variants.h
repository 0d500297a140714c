// The variants behind strided_images.h, one namespace a device. Arguments have been checked; there
// is at least one element.
#pragma once

#include "kernels/input/strided_images.h"

namespace dcgan {

namespace cpu {
void store_images(const Context& context, ConstTensorView x, const StridedImages& y);
}  // namespace cpu

namespace cuda {
void store_images(const Context& context, ConstTensorView x, const StridedImages& y);
}  // namespace cuda

}  // namespace dcgan

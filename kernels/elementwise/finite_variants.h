// The variants behind finite.h, one namespace a device. Arguments have been checked.
#pragma once

#include "kernels/elementwise/finite.h"

namespace dcgan {

namespace cpu {
void detect_non_finite(const Context& context, ConstTensorView values, TensorView flag);
}  // namespace cpu

namespace cuda {
void detect_non_finite(const Context& context, ConstTensorView values, TensorView flag);
}  // namespace cuda

}  // namespace dcgan

// The variants behind activation.h, one namespace a device. Arguments have been checked, and there
// is an activation or a bias.
#pragma once

#include "kernels/elementwise/activation.h"

namespace dcgan {

namespace cpu {
void activate_in_place(const Context& context, TensorView y, const ActivationSpec& activation);
void add_bias_and_activate(const Context& context, TensorView y, ConstTensorView bias,
                           const ActivationSpec& activation);
void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  const ActivationSpec& activation);
}  // namespace cpu

namespace cuda {
void activate_in_place(const Context& context, TensorView y, const ActivationSpec& activation);
void add_bias_and_activate(const Context& context, TensorView y, ConstTensorView bias,
                           const ActivationSpec& activation);
void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  const ActivationSpec& activation);
}  // namespace cuda

}  // namespace dcgan

#include "kernels/elementwise/activation.h"

#include "kernels/common/checks.h"
#include "kernels/elementwise/activation_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void activate_in_place(const Context& context, TensorView y, const ActivationSpec& activation) {
  if (activation.kind == Activation::none) return;
  constexpr const char* kName = "activate_in_place";
  checks::dtype(kName, "y", y, {DType::f32, DType::bf16});
  checks::shape(kName, "y", y, y.shape);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::activate_in_place(context, y, activation);
  }
  cpu::activate_in_place(context, y, activation);
}

void add_bias_and_activate(const Context& context, TensorView y, ConstTensorView bias,
                           const ActivationSpec& activation) {
  if (bias.empty()) return activate_in_place(context, y, activation);
  constexpr const char* kName = "add_bias_and_activate";
  checks::dtype(kName, "y", y, {DType::f32, DType::bf16});
  checks::shape(kName, "y", y, y.shape);
  DCGAN_CHECK(y.shape.rank() >= 1, "{}: y has no channels", kName);
  checks::tensor(kName, "bias", bias, DType::f32, {y.shape[y.shape.rank() - 1]});
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::add_bias_and_activate(context, y, bias, activation);
  }
  cpu::add_bias_and_activate(context, y, bias, activation);
}

void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  const ActivationSpec& activation) {
  if (activation.kind == Activation::none) return;
  constexpr const char* kName = "activation_backward_in_place";
  checks::dtype(kName, "dy", dy, {DType::f32, DType::bf16});
  checks::dtype(kName, "y", y, {dy.dtype});
  checks::elements(kName, "dy", dy, dy.elements());
  checks::elements(kName, "y", y, dy.elements());
  checks::disjoint(kName, "dy", dy, "y", y);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::activation_backward_in_place(context, y, dy, activation);
  }
  cpu::activation_backward_in_place(context, y, dy, activation);
}

}  // namespace dcgan

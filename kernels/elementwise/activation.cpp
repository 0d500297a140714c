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

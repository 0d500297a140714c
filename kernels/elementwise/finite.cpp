#include "kernels/elementwise/finite.h"

#include "kernels/common/checks.h"
#include "kernels/elementwise/finite_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void detect_non_finite(const Context& context, ConstTensorView values, TensorView flag) {
  constexpr const char* kName = "detect_non_finite";
  checks::dtype(kName, "values", values, {DType::f32, DType::bf16});
  checks::shape(kName, "values", values, values.shape);
  checks::dtype(kName, "flag", flag, {DType::i32});
  checks::elements(kName, "flag", flag, 1);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::detect_non_finite(context, values, flag);
  }
  cpu::detect_non_finite(context, values, flag);
}

}  // namespace dcgan

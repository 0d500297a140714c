#include "kernels/elementwise/add.h"

#include "kernels/common/checks.h"
#include "kernels/elementwise/add_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {

void add_in_place(const Context& context, ConstTensorView x, TensorView y) {
  constexpr const char* kName = "add_in_place";
  checks::dtype(kName, "x", x, {DType::f32});
  checks::dtype(kName, "y", y, {DType::f32});
  checks::elements(kName, "x", x, x.elements());
  checks::elements(kName, "y", y, x.elements());
  checks::disjoint(kName, "y", y, "x", x);
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::add_in_place(context, x, y);
  }
  cpu::add_in_place(context, x, y);
}

}  // namespace dcgan

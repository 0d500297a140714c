#include "kernels/common/cpu_loops.h"
#include "kernels/elementwise/add_variants.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {

void add_in_place(const Context& /*context*/, ConstTensorView x, TensorView y) {
  const float* __restrict added = x.as<float>();
  float* __restrict sum = y.as<float>();
  parallel_for(x.elements(), kElementGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sum[i] += added[i];
  });
}

}  // namespace dcgan::cpu

#include "kernels/common/cuda/launch.h"
#include "kernels/elementwise/stopwatch_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 32;  // a whole warp, of which one thread works

__global__ void __launch_bounds__(kThreads)
    add_clock_kernel(std::int64_t* total, std::int64_t sign) {
  start_after_previous();
  if (threadIdx.x == 0) *total += sign * device_nanoseconds();
}

}  // namespace

void add_clock(const Context& context, TensorView total, std::int64_t sign) {
  launch(context, add_clock_kernel, {"add_clock_kernel", dim3(1), dim3(kThreads)},
         total.as<std::int64_t>(), sign);
}

}  // namespace dcgan::cuda

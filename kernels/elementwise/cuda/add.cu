#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/add_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = kOneWave;

template <int width>
__global__ void __launch_bounds__(kThreads)
    add_in_place_kernel(const float* x, float* y, std::int64_t count) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * width;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * width; at < count;
       at += stride) {
    const Values<width> added = load<width>(x + at);
    Values<width> sums = load<width>(y + at);
#pragma unroll
    for (int i = 0; i < width; ++i) sums.v[i] += added.v[i];
    store<width>(y + at, sums);
  }
}

template <int width>
void launch_add(const Context& context, const float* x, float* y, std::int64_t count) {
  if (count == 0) return;
  launch(context, add_in_place_kernel<width>,
         {"add_in_place_kernel", blocks_for(count / width, kThreads, kMostBlocks), dim3(kThreads)},
         x, y, count);
}

}  // namespace

void add_in_place(const Context& context, ConstTensorView x, TensorView y) {
  const float* added = x.as<float>();
  float* sum = y.as<float>();
  const std::int64_t wide = aligned16(added, sum) ? x.elements() / kWide<float> * kWide<float> : 0;
  launch_add<kWide<float>>(context, added, sum, wide);
  launch_add<1>(context, added + wide, sum + wide, x.elements() - wide);
}

}  // namespace dcgan::cuda

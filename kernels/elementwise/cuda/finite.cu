#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/finite_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 1024;

/// Every thread that finds something writes the same one: no order matters.
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    detect_non_finite_kernel(const T* values, std::int64_t count, int* flag) {
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads;
  bool found = false;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count / width;
       i += stride) {
    const Values<width> loaded = load<width>(values + i * width);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      found |= (__float_as_uint(loaded.v[j]) & 0x7f800000u) == 0x7f800000u;
    }
  }
  if (found) atomicOr(flag, 1);
}

template <class T, int width>
void launch_flag(const Context& context, const T* values, std::int64_t count, int* flag) {
  if (count == 0) return;
  launch(context, detect_non_finite_kernel<T, width>,
         {"detect_non_finite_kernel", blocks_for(count / width, kThreads, kMostBlocks),
          dim3(kThreads)},
         values, count, flag);
}

}  // namespace

void detect_non_finite(const Context& context, ConstTensorView values, TensorView flag) {
  with_storage(values.dtype, [&]<class T>() {
    const T* data = values.as<T>();
    int* to = flag.as<std::int32_t>();
    const std::int64_t wide = aligned16(data) ? values.elements() / kWide<T> * kWide<T> : 0;
    launch_flag<T, kWide<T>>(context, data, wide, to);
    launch_flag<T, 1>(context, data + wide, values.elements() - wide, to);
  });
}

}  // namespace dcgan::cuda

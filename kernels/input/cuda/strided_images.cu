#include <algorithm>

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/input/image_terms.h"
#include "kernels/input/strided_images_variants.h"
#include "runtime/base/f16.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = kOneWave;

/// An image's axes, the one with the smallest stride in y last: neighbouring threads then write
/// neighbours, whatever the layout. x is dense and small enough of channels for the caches.
struct StoreArguments {
  int count;           // images
  int image_elements;  // H * W * C
  int extents[3];
  int from[3];         // strides in x
  std::int64_t to[3];  // strides in y
  std::int64_t to_image;
};

__device__ __forceinline__ void put(float* to, float value) { *to = value; }
__device__ __forceinline__ void put(bf16* to, float value) { store_one(to, value); }
__device__ __forceinline__ void put(std::uint8_t* to, float value) { *to = quantised(value); }
__device__ __forceinline__ void put(f16* to, float value) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(value));
#else
  *to = f16(value);
#endif
}

/// A thread has one element of every gridDim.y-th image.
template <class From, class To>
__global__ void __launch_bounds__(kThreads)
    store_images_kernel(StoreArguments arguments, const From* x, To* y) {
  start_after_previous();
  const int element = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (element >= arguments.image_elements) return;
  const int outer = element / arguments.extents[2];
  const int i2 = element - outer * arguments.extents[2];
  const int i0 = outer / arguments.extents[1];
  const int i1 = outer - i0 * arguments.extents[1];
  const int from = i0 * arguments.from[0] + i1 * arguments.from[1] + i2 * arguments.from[2];
  const std::int64_t to = i0 * arguments.to[0] + i1 * arguments.to[1] + i2 * arguments.to[2];
  for (int n = static_cast<int>(blockIdx.y); n < arguments.count;
       n += static_cast<int>(gridDim.y)) {
    put(y + n * arguments.to_image + to,
        load_one(x + std::int64_t{n} * arguments.image_elements + from));
  }
}

StoreArguments store_arguments(const StridedImages& y) {
  const int channels = static_cast<int>(y.shape[3]);
  const int strides_in_x[3] = {static_cast<int>(y.shape[2]) * channels, channels, 1};
  int order[3] = {0, 1, 2};
  std::stable_sort(order, order + 3, [&](int a, int b) {
    const auto stride = [&](int axis) {
      return std::abs(y.strides[static_cast<std::size_t>(axis) + 1]);
    };
    return stride(a) > stride(b);
  });
  StoreArguments arguments{};
  arguments.count = static_cast<int>(y.shape[0]);
  arguments.image_elements = static_cast<int>(y.shape.elements() / y.shape[0]);
  arguments.to_image = y.strides[0];
  for (int i = 0; i < 3; ++i) {
    arguments.extents[i] = static_cast<int>(y.shape[order[i] + 1]);
    arguments.from[i] = strides_in_x[order[i]];
    arguments.to[i] = y.strides[static_cast<std::size_t>(order[i]) + 1];
  }
  return arguments;
}

template <class From, class To>
void store(const Context& context, const From* x, To* y, const StridedImages& images) {
  const StoreArguments arguments = store_arguments(images);
  const std::int64_t across = (arguments.image_elements + kThreads - 1) / kThreads;
  const std::int64_t down = std::max<std::int64_t>(kMostBlocks / across, 1);
  const dim3 blocks(static_cast<unsigned>(across),
                    static_cast<unsigned>(std::min(images.shape[0], down)));
  launch(context, store_images_kernel<From, To>, {"store_images_kernel", blocks, dim3(kThreads)},
         arguments, x, y);
}

}  // namespace

void store_images(const Context& context, ConstTensorView x, const StridedImages& y) {
  with_storage(x.dtype, [&]<class From>() {
    const From* from = x.as<From>();
    switch (y.type) {
      case ImageType::f32:
        return store(context, from, static_cast<float*>(y.data), y);
      case ImageType::bf16:
        return store(context, from, static_cast<bf16*>(y.data), y);
      case ImageType::f16:
        return store(context, from, static_cast<f16*>(y.data), y);
      case ImageType::u8:
        return store(context, from, static_cast<std::uint8_t*>(y.data), y);
    }
  });
}

}  // namespace dcgan::cuda

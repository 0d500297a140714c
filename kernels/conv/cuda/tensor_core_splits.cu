// Adds the partial sums of a product whose depth was divided.
#include "kernels/conv/cuda/tensor_core_conv.h"

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWidth = 4;                  // neighbouring elements of a thread
constexpr std::int64_t kMostBlocks = 528;  // four for each of 132 multiprocessors

template <class T, Activation kind>
__global__ void __launch_bounds__(kThreads)
    tensor_core_splits_kernel(const float* partials, int splits, std::int64_t elements, T* to,
                              const float* bias, unsigned biases, float negative_slope) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * kWidth;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kWidth;
       at < elements; at += stride) {
    Values<kWidth> sums = load<kWidth>(partials + at);
#pragma unroll 4
    for (int split = 1; split < splits; ++split) {
      const Values<kWidth> part = load<kWidth>(partials + split * elements + at);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sums.v[j] += part.v[j];
    }
    if (bias != nullptr) {
      const float* own = bias + static_cast<unsigned>(at) % biases;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sums.v[j] += own[j];
    }
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sums.v[j] = activate<kind>(sums.v[j], negative_slope);
    store<kWidth>(to + at, sums);
  }
}

}  // namespace

void add_splits(const Context& context, const float* partials, int splits, TensorView to,
                ConstTensorView bias, const ActivationSpec& activation) {
  const std::int64_t elements = to.elements();
  with_storage(to.dtype, [&]<class T>() {
    with_activation(activation.kind, [&]<Activation kind>() {
      launch(context, tensor_core_splits_kernel<T, kind>,
             {"tensor_core_splits_kernel", blocks_for(elements / kWidth, kThreads, kMostBlocks),
              dim3(kThreads)},
             partials, splits, elements, to.as<T>(), bias.empty() ? nullptr : bias.as<float>(),
             static_cast<unsigned>(bias.empty() ? 1 : bias.elements()), activation.negative_slope);
    });
  });
}

}  // namespace dcgan::cuda

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/elementwise/activation_terms.h"
#include "kernels/elementwise/activation_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = kOneWave;

template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kThreads)
    activate_kernel(T* y, std::int64_t count, float negative_slope) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * width;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * width; at < count;
       at += stride) {
    Values<width> values = load<width>(y + at);
#pragma unroll
    for (int i = 0; i < width; ++i) values.v[i] = activate<kind>(values.v[i], negative_slope);
    store<width>(y + at, values);
  }
}

/// `channels` is a multiple of `width`. A thread's channel moves on by the same step each time, so
/// one division is enough.
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kThreads)
    bias_activate_kernel(T* y, const float* bias, std::int64_t count, int channels,
                         float negative_slope) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * width;
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * width;
  const int step = static_cast<int>(stride % channels);
  int channel = static_cast<int>(first % channels);
  for (std::int64_t at = first; at < count; at += stride) {
    Values<width> values = load<width>(y + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      values.v[i] = activate<kind>(values.v[i] + bias[channel + i], negative_slope);
    }
    store<width>(y + at, values);
    channel += step;
    if (channel >= channels) channel -= channels;
  }
}

template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kThreads)
    activation_backward_kernel(const T* y, T* dy, std::int64_t count, float negative_slope) {
  start_after_previous();
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreads * width;
  for (std::int64_t at = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * width; at < count;
       at += stride) {
    const Values<width> outputs = load<width>(y + at);
    Values<width> gradients = load<width>(dy + at);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      gradients.v[i] *= activation_derivative<kind>(outputs.v[i], negative_slope);
    }
    store<width>(dy + at, gradients);
  }
}

// Whether the whole tensor divides into accesses of 16 bytes.
bool is_wide(ConstTensorView view, const void* other) {
  return aligned16(static_cast<const char*>(view.data), static_cast<const char*>(other)) &&
         view.bytes() % 16 == 0;
}

dim3 blocks_of(std::int64_t count, int width) {
  return blocks_for(count / width, kThreads, kMostBlocks);
}

}  // namespace

void activate_in_place(const Context& context, TensorView y, const ActivationSpec& activation) {
  if (y.elements() == 0) return;
  with_storage_and_width(y.dtype, is_wide(y, nullptr), [&]<class T, int width>() {
    with_activation(activation.kind, [&]<Activation kind>() {
      launch(context, activate_kernel<T, width, kind>,
             {"activate_kernel", blocks_of(y.elements(), width), dim3(kThreads)}, y.as<T>(),
             y.elements(), activation.negative_slope);
    });
  });
}

void add_bias_and_activate(const Context& context, TensorView y, ConstTensorView bias,
                           const ActivationSpec& activation) {
  if (y.elements() == 0) return;
  const std::int64_t channels = bias.elements();
  const std::int64_t per_access = 16 / static_cast<std::int64_t>(size_of(y.dtype));
  const bool wide = is_wide(y, nullptr) && channels % per_access == 0;
  with_storage_and_width(y.dtype, wide, [&]<class T, int width>() {
    with_activation(activation.kind, [&]<Activation kind>() {
      launch(context, bias_activate_kernel<T, width, kind>,
             {"bias_activate_kernel", blocks_of(y.elements(), width), dim3(kThreads)}, y.as<T>(),
             bias.as<float>(), y.elements(), static_cast<int>(channels), activation.negative_slope);
    });
  });
}

void activation_backward_in_place(const Context& context, ConstTensorView y, TensorView dy,
                                  const ActivationSpec& activation) {
  if (y.elements() == 0) return;
  with_storage_and_width(y.dtype, is_wide(y, dy.data), [&]<class T, int width>() {
    with_activation(activation.kind, [&]<Activation kind>() {
      launch(context, activation_backward_kernel<T, width, kind>,
             {"activation_backward_kernel", blocks_of(y.elements(), width), dim3(kThreads)},
             y.as<T>(), dy.as<T>(), y.elements(), activation.negative_slope);
    });
  });
}

}  // namespace dcgan::cuda

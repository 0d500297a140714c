// One number an image: its dot product with the weights, over F = H W C elements. All three passes
// read their tensors once and are bound by memory.
#include <algorithm>

#include "kernels/common/cuda/columns.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/small_channel_device.h"
#include "kernels/conv/underlying.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostChunks = 64;
constexpr int kMostImagesAtOnce = 1024;     // of the data gradient
constexpr std::int64_t kImagesOfChunk = 4;  // at least, when there are so many

/// y[n] = activation(sum of x[n, i] weights[i]). One block an image.
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    gemv_forward_kernel(const T* x, const T* weights, T* y, int elements, Activation kind,
                        float negative_slope) {
  start_after_previous();
  DCGAN_SHARED(float, shared, [32]);
  const T* image = x + std::int64_t{blockIdx.x} * elements;
  float sum = 0.0f;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x) * width; i < elements; i += kThreads * width) {
    const Values<width> values = load<width>(image + i);
    const Values<width> factors = load<width>(weights + i);
#pragma unroll
    for (int j = 0; j < width; ++j) sum = fmaf(values.v[j], factors.v[j], sum);
  }
  sum = block_sum<kThreads>(sum, shared);
  if (threadIdx.x == 0) store_one(y + blockIdx.x, activate_as(kind, sum, negative_slope));
}

/// dx[n, i] = g[n] weights[i], g the gradient before the activation. A block has some elements of
/// images blockIdx.y, blockIdx.y + gridDim.y, ...
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    gemv_backward_data_kernel(DeviceDerivedTensor<T> gradient, const T* weights, T* dx,
                              int elements, int images) {
  start_after_previous();
  const int at = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * width;
  if (at >= elements) return;
  const Values<width> factors = load<width>(weights + at);
  for (int n = static_cast<int>(blockIdx.y); n < images; n += static_cast<int>(gridDim.y)) {
    const float g = load_derived<1>(gradient, n).v[0];
    Values<width> values;
#pragma unroll
    for (int j = 0; j < width; ++j) values.v[j] = factors.v[j] * g;
    store<width>(dx + std::int64_t{n} * elements + at, values);
  }
}

/// sums[chunk, i] = sum over the chunk's images of g[n] x[n, i].
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    gemv_backward_weights_kernel(DeviceDerivedTensor<T> gradient, const T* x, float* sums,
                                 int elements, int images, int images_of_chunk) {
  start_after_previous();
  const int at = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * width;
  if (at >= elements) return;
  const int first = static_cast<int>(blockIdx.y) * images_of_chunk;
  const int end = first + images_of_chunk < images ? first + images_of_chunk : images;
  Values<width> sum{};
#pragma unroll 4
  for (int n = first; n < end; ++n) {
    const float g = load_derived<1>(gradient, n).v[0];
    const Values<width> values = load<width>(x + std::int64_t{n} * elements + at);
#pragma unroll
    for (int j = 0; j < width; ++j) sum.v[j] = fmaf(g, values.v[j], sum.v[j]);
  }
  float* to = sums + std::int64_t{blockIdx.y} * elements + at;
#pragma unroll
  for (int j = 0; j < width; ++j) to[j] = sum.v[j];
}

class GemvHeadPlan final : public ConvPlan {
 public:
  explicit GemvHeadPlan(const ConvConfig& config)
      : passes_(config.passes),
        activation_(config.activation),
        dtype_(config.dtype),
        images_(static_cast<int>(config.input[0])),
        elements_(static_cast<int>(config.spec.weight_shape().elements())) {
    const std::int64_t wanted = std::clamp<std::int64_t>(images_ / kImagesOfChunk, 1, kMostChunks);
    images_of_chunk_ = static_cast<int>((images_ + wanted - 1) / wanted);
    chunks_ = (images_ + images_of_chunk_ - 1) / images_of_chunk_;
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (pass != ConvPass::backward_weights || !passes_.backward_weights) return 0;
    return static_cast<std::size_t>(chunks_) * static_cast<std::size_t>(elements_) * sizeof(float);
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    const bool wide = is_wide(tensors.x.data, tensors.weights.data);
    with_storage_and_width(dtype_, wide, [&]<class T, int width>() {
      launch(context, gemv_forward_kernel<T, width>,
             {"gemv_forward_kernel", dim3(static_cast<unsigned>(images_)), dim3(kThreads)},
             tensors.x.as<T>(), tensors.weights.as<T>(), tensors.y.as<T>(), elements_,
             activation_.kind, activation_.negative_slope);
    });
  }

  // The derivative of the activation is applied where dy is loaded.
  void activation_backward(const Context& /*context*/, const ConvBackward& /*tensors*/) override {}

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    const DerivedTensor dy{tensors.dy, tensors.y, activation_};
    with_storage_and_width(
        dtype_, is_wide(tensors.weights.data, tensors.dx.data), [&]<class T, int width>() {
          launch(context, gemv_backward_data_kernel<T, width>,
                 {"gemv_backward_data_kernel", blocks(width, std::min(images_, kMostImagesAtOnce)),
                  dim3(kThreads)},
                 on_device<T>(dy), tensors.weights.as<T>(), tensors.dx.as<T>(), elements_, images_);
        });
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const DerivedTensor dy{tensors.dy, tensors.y, activation_};
    auto* partials = reinterpret_cast<float*>(tensors.workspace.as<std::uint8_t>());
    with_storage_and_width(
        dtype_, is_wide(tensors.x.data, tensors.x.data), [&]<class T, int width>() {
          launch(context, gemv_backward_weights_kernel<T, width>,
                 {"gemv_backward_weights_kernel", blocks(width, chunks_), dim3(kThreads)},
                 on_device<T>(dy), tensors.x.as<T>(), partials, elements_, images_,
                 images_of_chunk_);
        });
    sum_columns(context, partials, chunks_, elements_, tensors.dweights.as<float>());
  }

  std::string describe() const override { return "own gemv, activation inside"; }

 private:
  template <class A, class B>
  bool is_wide(const A* a, const B* b) const {
    return elements_ % (16 / static_cast<int>(size_of(dtype_))) == 0 && aligned16(a, b);
  }
  dim3 blocks(int width, int down) const {
    const int across = (elements_ / width + kThreads - 1) / kThreads;
    return dim3(static_cast<unsigned>(across), static_cast<unsigned>(down));
  }

  ConvPasses passes_;
  ActivationSpec activation_;
  DType dtype_;
  int images_;
  int elements_;  // of an image
  int images_of_chunk_;
  int chunks_;
};

}  // namespace

bool gemv_head_fits(const Context& /*context*/, const ConvConfig& config) {
  return config.spec.type == ConvType::convolution && config.bias == ConvBias::none &&
         class_of(underlying_of(config)) == ConvClass::gemv;
}

std::unique_ptr<ConvPlan> plan_gemv_head(const Context& context, const ConvConfig& config) {
  DCGAN_CHECK(gemv_head_fits(context, config), "conv: {} on {} does not give one number an image",
              to_string(config.spec), to_string(config.input));
  return std::make_unique<GemvHeadPlan>(config);
}

}  // namespace dcgan::cuda

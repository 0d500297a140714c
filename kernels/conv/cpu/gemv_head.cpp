// A discriminator's head: one output an image, y[n] = sum over i of x[n, i] w[i]. Each product
// reads its large operand once; a matrix library would pad the single column.
#include <algorithm>
#include <array>

#include "kernels/common/cpu_loops.h"
#include "kernels/conv/cpu/algorithm.h"
#include "runtime/base/parallel.h"

namespace dcgan::cpu {
namespace {

constexpr std::int64_t kLanes = 32;   // independent partial sums: what lets the loop vectorise
constexpr std::int64_t kGrain = 512;  // columns that one thread sums at a time

template <class T>
float dot(const T* __restrict x, const T* __restrict w, std::int64_t count) {
  std::array<float, kLanes> sums{};
  std::int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<float>(x[k + lane]) * static_cast<float>(w[k + lane]);
    }
  }
  for (; k < count; ++k) sums[k % kLanes] += static_cast<float>(x[k]) * static_cast<float>(w[k]);
  for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::int64_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

template <class T>
class GemvAlgorithm final : public ConvAlgorithm {
 public:
  explicit GemvAlgorithm(const UnderlyingConv& conv)
      : images_(conv.image[0]), length_(conv.image[1] * conv.image[2] * conv.image[3]) {}

  std::size_t workspace_bytes(ConvPass /*product*/) const override { return 0; }

  void forward(const void* image, const void* weights, void* features, std::byte*) override {
    const auto* x = static_cast<const T*>(image);
    const auto* w = static_cast<const T*>(weights);
    auto* y = static_cast<T*>(features);
    parallel_for(images_, 4, [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        y[n] = static_cast<T>(dot(x + n * length_, w, length_));
      }
    });
  }

  void backward_data(const void* features, const void* weights, void* image, std::byte*) override {
    const auto* y = static_cast<const T*>(features);
    const auto* w = static_cast<const T*>(weights);
    auto* x = static_cast<T*>(image);
    parallel_for(images_, 4, [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const auto factor = static_cast<float>(y[n]);
        T* __restrict row = x + n * length_;
        for (std::int64_t k = 0; k < length_; ++k) {
          row[k] = static_cast<T>(factor * static_cast<float>(w[k]));
        }
      }
    });
  }

  void backward_weights(const void* image, const void* features, float* dweights,
                        std::byte*) override {
    const auto* x = static_cast<const T*>(image);
    const auto* y = static_cast<const T*>(features);
    parallel_for(length_, kGrain, [=, this](std::int64_t begin, std::int64_t end) {
      float* __restrict sum = dweights;
      std::fill(sum + begin, sum + end, 0.0f);
      for (std::int64_t n = 0; n < images_; ++n) {
        const auto factor = static_cast<float>(y[n]);
        const T* __restrict row = x + n * length_;
        for (std::int64_t k = begin; k < end; ++k) sum[k] += factor * static_cast<float>(row[k]);
      }
    });
  }

  std::string describe() const override { return "gemv"; }

 private:
  std::int64_t images_;
  std::int64_t length_;
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_gemv_head(const UnderlyingConv& conv) {
  if (conv.dtype == DType::bf16) return std::make_unique<GemvAlgorithm<bf16>>(conv);
  return std::make_unique<GemvAlgorithm<float>>(conv);
}

}  // namespace dcgan::cpu

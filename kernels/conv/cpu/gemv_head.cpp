// The discriminator's head: one output an image, y[n] = sum_k x[n, k] w[k]. Each pass reads its
// large operand once; a matrix library would pad the single column.
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
class DotEngine final : public ConvEngine {
 public:
  explicit DotEngine(const ConvSides& sides)
      : images_(sides.big[0]), length_(sides.big[1] * sides.big[2] * sides.big[3]) {}

  std::size_t workspace_bytes() const override { return 0; }

  void gather(const void* big, const void* weights, void* small, std::byte*) override {
    const auto* x = static_cast<const T*>(big);
    const auto* w = static_cast<const T*>(weights);
    auto* y = static_cast<T*>(small);
    parallel_for(images_, 4, [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        y[n] = static_cast<T>(dot(x + n * length_, w, length_));
      }
    });
  }

  void scatter(const void* small, const void* weights, void* big, std::byte*) override {
    const auto* y = static_cast<const T*>(small);
    const auto* w = static_cast<const T*>(weights);
    auto* x = static_cast<T*>(big);
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

  void weight_gradient(const void* big, const void* small, float* dweights, std::byte*) override {
    const auto* x = static_cast<const T*>(big);
    const auto* y = static_cast<const T*>(small);
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

  std::string describe() const override { return "dot products"; }

 private:
  std::int64_t images_;
  std::int64_t length_;
};

}  // namespace

std::unique_ptr<ConvEngine> make_dot_engine(const ConvSides& sides) {
  if (sides.dtype == DType::bf16) return std::make_unique<DotEngine<bf16>>(sides);
  return std::make_unique<DotEngine<float>>(sides);
}

}  // namespace dcgan::cpu

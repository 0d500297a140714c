// In emulated builds, what stands in for the planned library operations (cuBLASLt, cuDNN), one
// level above the libraries: plain loops that run when the simulated device runs them, on the
// tensors as they are then. Each asks for a little workspace and scribbles on it, so that a caller
// that shares it with something alive is found.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/underlying.h"
#include "kernels/elementwise/activation.h"
#include "tests/emulator/grid/grid.h"

namespace dcgan::cuda {
namespace {

constexpr std::size_t kWorkspaceBytes = 512;

// An underlying convolution: image (N, H, W, C), features (N, P, Q, K), weights (K, R, R, C).
struct Extents {
  std::int64_t n, h, w, c, p, q, k, r;
  int stride, padding;
};

Extents extents_of(const ConvConfig& config) {
  const UnderlyingConv conv = underlying_of(config);
  const Shape& image = conv.image;
  const Shape& features = conv.features;
  return {image[0],    image[1],    image[2],    image[3],    features[1],
          features[2], features[3], conv.kernel, conv.stride, conv.padding};
}

// Calls body(pixel of the image, pixel of the features, tap) for all that meet, pixels and taps in
// units of their channels.
template <class Body>
void for_each_meeting(const Extents& e, const Body& body) {
  for (std::int64_t n = 0; n < e.n; ++n) {
    for (std::int64_t p = 0; p < e.p; ++p) {
      for (std::int64_t q = 0; q < e.q; ++q) {
        for (std::int64_t tap = 0; tap < e.r * e.r; ++tap) {
          const std::int64_t row = p * e.stride - e.padding + tap / e.r;
          const std::int64_t column = q * e.stride - e.padding + tap % e.r;
          if (row < 0 || row >= e.h || column < 0 || column >= e.w) continue;
          body((n * e.h + row) * e.w + column, (n * e.p + p) * e.q + q, tap);
        }
      }
    }
  }
}

template <class T>
std::vector<double> widen(const void* data, std::int64_t count) {
  const T* from = static_cast<const T*>(data);
  std::vector<double> result(static_cast<std::size_t>(count));
  std::transform(from, from + count, result.begin(),
                 [](T value) { return static_cast<double>(static_cast<float>(value)); });
  return result;
}

// To TF32's 10 stored bits, the nearest, as tensor cores see a factor.
double round_to_tf32(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 11)), exponent - 11);
}

enum class Factors { exact, tf32 };

std::vector<double> widen(ConstTensorView view, Factors factors) {
  if (view.dtype == DType::bf16) return widen<bf16>(view.data, view.elements());
  std::vector<double> result = widen<float>(view.data, view.elements());
  if (factors == Factors::tf32) {
    std::transform(result.begin(), result.end(), result.begin(), round_to_tf32);
  }
  return result;
}

void narrow(const std::vector<double>& values, TensorView to) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<float>(values[i]);
    if (to.dtype == DType::bf16) {
      static_cast<bf16*>(to.data)[i] = bf16(value);
    } else {
      static_cast<float*>(to.data)[i] = value;
    }
  }
}

class ReferencePlan final : public ConvPlan {
 public:
  ReferencePlan(const ConvConfig& config, std::string name)
      : config_(config),
        extents_(extents_of(config)),
        factors_(config.policy.allow_tf32 ? Factors::tf32 : Factors::exact),
        name_(std::move(name)) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    return config_.passes.contain(pass) ? kWorkspaceBytes : 0;
  }
  std::string describe() const override { return name_; }

  void forward(const Context& context, const ConvForward& tensors) override {
    enqueue(context, ConvPass::forward, tensors.x, tensors.weights, tensors.y, tensors.workspace);
    add_bias_and_activate(context, tensors.y, tensors.bias, config_.activation);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, config_.activation);
  }

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    enqueue(context, ConvPass::backward_data, tensors.dy, tensors.weights, tensors.dx,
            tensors.workspace);
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    enqueue_weights(context, tensors, tensors.workspace);
  }

 private:
  void enqueue(const Context& context, ConvPass pass, ConstTensorView from, ConstTensorView weights,
               TensorView to, TensorView workspace) const {
    if (underlying_product(config_.spec.type, pass) == ConvPass::forward) {
      enqueue_features(context, from, weights, to, workspace);
    } else {
      enqueue_image(context, from, weights, to, workspace);
    }
  }

  // features = image * weights
  void enqueue_features(const Context& context, ConstTensorView image, ConstTensorView weights,
                        TensorView features, TensorView workspace) const {
    emulator::enqueue(context.stream(), "reference features", [=, e = extents_, f = factors_] {
      std::memset(workspace.data, 0x5a, kWorkspaceBytes);
      const std::vector<double> in = widen(image, f);
      const std::vector<double> taps = widen(weights, f);
      std::vector<double> out(static_cast<std::size_t>(features.elements()));
      for_each_meeting(e, [&](std::int64_t pixel, std::int64_t feature, std::int64_t tap) {
        for (std::int64_t k = 0; k < e.k; ++k) {
          const double* from = &in[pixel * e.c];
          const double* with = &taps[(k * e.r * e.r + tap) * e.c];
          double sum = 0;
          for (std::int64_t c = 0; c < e.c; ++c) sum += from[c] * with[c];
          out[feature * e.k + k] += sum;
        }
      });
      narrow(out, features);
    });
  }

  // image = the adjoint in the image
  void enqueue_image(const Context& context, ConstTensorView features, ConstTensorView weights,
                     TensorView image, TensorView workspace) const {
    emulator::enqueue(context.stream(), "reference image", [=, e = extents_, f = factors_] {
      std::memset(workspace.data, 0x5a, kWorkspaceBytes);
      const std::vector<double> in = widen(features, f);
      const std::vector<double> taps = widen(weights, f);
      std::vector<double> out(static_cast<std::size_t>(image.elements()));
      for_each_meeting(e, [&](std::int64_t pixel, std::int64_t feature, std::int64_t tap) {
        for (std::int64_t k = 0; k < e.k; ++k) {
          const double value = in[feature * e.k + k];
          const double* with = &taps[(k * e.r * e.r + tap) * e.c];
          for (std::int64_t c = 0; c < e.c; ++c) out[pixel * e.c + c] += value * with[c];
        }
      });
      narrow(out, image);
    });
  }

  // dweights = the adjoint in the weights
  void enqueue_weights(const Context& context, const ConvBackward& tensors,
                       TensorView workspace) const {
    const auto [image, features] =
        image_and_features<ConstTensorView>(config_.spec.type, tensors.x, tensors.dy);
    const TensorView dweights = tensors.dweights;
    emulator::enqueue(context.stream(), "reference weights",
                      [=, image = image, features = features, e = extents_, f = factors_] {
                        std::memset(workspace.data, 0x5a, kWorkspaceBytes);
                        const std::vector<double> in = widen(image, f);
                        const std::vector<double> out = widen(features, f);
                        std::vector<double> sums(static_cast<std::size_t>(dweights.elements()));
                        for_each_meeting(
                            e, [&](std::int64_t pixel, std::int64_t feature, std::int64_t tap) {
                              for (std::int64_t k = 0; k < e.k; ++k) {
                                const double value = out[feature * e.k + k];
                                double* to = &sums[(k * e.r * e.r + tap) * e.c];
                                for (std::int64_t c = 0; c < e.c; ++c)
                                  to[c] += value * in[pixel * e.c + c];
                              }
                            });
                        narrow(sums, dweights);
                      });
  }

  ConvConfig config_;
  Extents extents_;
  Factors factors_;
  std::string name_;
};

// One plan a pass.
class ReferencePlans final : public LibraryPlans {
 public:
  explicit ReferencePlans(const ConvConfig& config) : config_(config) {}
  PassPlan next() override {
    if (given_) return {};
    given_ = true;
    return made();
  }
  PassPlan restore(const std::string& key) override { return key == kKey ? made() : PassPlan{}; }
  std::string last_refusal() const override { return "none"; }

 private:
  static constexpr const char* kKey = "emulated plan";
  PassPlan made() const {
    return {"emulated convolution", kKey, Derivative::in_place,
            std::make_unique<ReferencePlan>(config_, "emulated convolution")};
  }
  ConvConfig config_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<ConvPlan> plan_gemm(const Context&, const ConvConfig& config) {
  return std::make_unique<ReferencePlan>(config, "emulated gemm");
}

std::unique_ptr<LibraryPlans> library_plans(const Context&, const ConvConfig& config) {
  return std::make_unique<ReferencePlans>(config);
}

bool library_plans_may_fail() { return false; }

std::string library_key() { return "emulated"; }

}  // namespace dcgan::cuda

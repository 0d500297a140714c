// The CPU's candidates, and the plan around an algorithm: exchanges the products of a transposed
// convolution and adds the bias and the activation.
#include "kernels/conv/conv_variants.h"
#include "kernels/conv/cpu/algorithm.h"
#include "kernels/elementwise/activation.h"
#include "kernels/vendor/library_versions.h"
#include "runtime/base/errors.h"

namespace dcgan::cpu {
namespace {

class AlgorithmPlan final : public ConvPlan {
 public:
  AlgorithmPlan(const ConvConfig& config, std::unique_ptr<ConvAlgorithm> algorithm)
      : type_(config.spec.type), activation_(config.activation), algorithm_(std::move(algorithm)) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    const std::size_t needed = algorithm_->workspace_bytes(underlying_product(type_, pass));
    return needed == 0 ? 0 : needed + kAlignment - 1;  // the caller's bytes may start anywhere
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    run(ConvPass::forward, tensors.x.data, tensors.weights.data, tensors.y.data, tensors.workspace);
    const bool fused = type_ == ConvType::convolution && algorithm_->fuses_activation();
    if (!fused) add_bias_and_activate(context, tensors.y, tensors.bias, activation_);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, activation_);
  }

  void backward_data(const Context& /*context*/, const ConvBackward& tensors) override {
    run(ConvPass::backward_data, tensors.dy.data, tensors.weights.data, tensors.dx.data,
        tensors.workspace);
  }

  void backward_weights(const Context& /*context*/, const ConvBackward& tensors) override {
    const auto [image, features] =
        image_and_features<const void*>(type_, tensors.x.data, tensors.dy.data);
    algorithm_->backward_weights(image, features, tensors.dweights.as<float>(),
                                 aligned(tensors.workspace));
  }

  std::string describe() const override { return algorithm_->describe(); }

 private:
  static constexpr std::size_t kAlignment = 64;

  static std::byte* aligned(const TensorView& workspace) {
    const auto address = reinterpret_cast<std::uintptr_t>(workspace.data);
    return reinterpret_cast<std::byte*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }
  void run(ConvPass pass, const void* from, const void* weights, void* to,
           const TensorView& workspace) {
    if (underlying_product(type_, pass) == ConvPass::forward) {
      algorithm_->forward(from, weights, to, aligned(workspace));
    } else {
      algorithm_->backward_data(from, weights, to, aligned(workspace));
    }
  }

  ConvType type_;
  ActivationSpec activation_;
  std::unique_ptr<ConvAlgorithm> algorithm_;
};

template <std::unique_ptr<ConvAlgorithm> (*make_algorithm)(const UnderlyingConv&)>
std::unique_ptr<ConvPlan> make_plan(const Context& /*context*/, const ConvConfig& config) {
  return std::make_unique<AlgorithmPlan>(config, make_algorithm(underlying_of(config)));
}

std::unique_ptr<ConvPlan> make_im2col_plan(const Context& /*context*/, const ConvConfig& config) {
  const bool inside = config.spec.type == ConvType::convolution && config.passes.forward &&
                      config.bias == ConvBias::none;
  return std::make_unique<AlgorithmPlan>(
      config, make_im2col(underlying_of(config), inside ? config.activation : ActivationSpec{}));
}

template <ConvClass wanted>
bool is_class(const Context& /*context*/, const ConvConfig& config) {
  return class_of(underlying_of(config)) == wanted;
}
bool fits_winograd(const Context& /*context*/, const ConvConfig& config) {
  return winograd_pays(underlying_of(config));
}
bool fits_all(const Context& /*context*/, const ConvConfig& /*config*/) { return true; }

}  // namespace

const std::vector<ConvCandidate>& conv_candidates() {
  static const std::vector<ConvCandidate> candidates{
      {"gemv head", is_class<ConvClass::gemv>, make_plan<make_gemv_head>},
      {"gemm", is_class<ConvClass::gemm>, make_plan<make_gemm>},
      {"winograd", fits_winograd, make_plan<make_winograd>},
      {"im2col", fits_all, make_im2col_plan},
  };
  return candidates;
}

std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config) {
  if (config.dtype == DType::bf16) require_cpu_bf16("conv");
  if (config.policy.allow_tf32 && config.dtype == DType::f32) {
    fail(ErrorKind::unavailable,
         "conv: TF32 is a format of NVIDIA's tensor cores (--precision tf32 needs --device cuda); "
         "the CPU computes in fp32 and bf16");
  }
  for (const ConvCandidate& candidate : conv_candidates()) {
    if (candidate.fits(context, config)) return candidate.make(context, config);
  }
  fail(ErrorKind::internal, "conv: no candidate computes {} on {}", to_string(config.spec),
       to_string(config.input));
}

}  // namespace dcgan::cpu

// The CPU's convolution plan: chooses an engine for the shape and adds the activation.
#include "kernels/conv/conv_variants.h"
#include "kernels/conv/cpu/algorithm.h"
#include "kernels/elementwise/cpu/activation.h"
#include "kernels/vendor/onednn.h"
#include "runtime/base/errors.h"

namespace dcgan::cpu {
namespace {

class Plan final : public ConvPlan {
 public:
  Plan(const ConvConfig& config, std::unique_ptr<ConvEngine> engine)
      : config_(config), engine_(std::move(engine)) {}

  std::size_t workspace_bytes(ConvPass /*pass*/) const override {
    const std::size_t needed = engine_->workspace_bytes();
    return needed == 0 ? 0 : needed + kAlignment - 1;  // the caller's bytes may start anywhere
  }

  void forward(const Context& /*context*/, const ConvForward& tensors) override {
    const auto& [x, weights, y, workspace] = tensors;
    std::byte* scratch = aligned(workspace);
    if (is_down()) {
      engine_->gather(x.data, weights.data, y.data, scratch);
    } else {
      engine_->scatter(x.data, weights.data, y.data, scratch);
    }
    if (!(is_down() && engine_->fuses_activation())) apply_activation(y, config_.activation);
  }

  void activation_backward(const Context& /*context*/, const ConvBackward& tensors) override {
    apply_activation_derivative(tensors.y, tensors.dy, config_.activation);
  }

  void backward_weights(const Context& /*context*/, const ConvBackward& tensors) override {
    const void* x = tensors.x.data;
    const void* dy = tensors.dy.data;
    engine_->weight_gradient(is_down() ? x : dy, is_down() ? dy : x, tensors.dweights.as<float>(),
                             aligned(tensors.workspace));
  }

  void backward_data(const Context& /*context*/, const ConvBackward& tensors) override {
    std::byte* scratch = aligned(tensors.workspace);
    const void* dy = tensors.dy.data;
    if (is_down()) {
      engine_->scatter(dy, tensors.weights.data, tensors.dx.data, scratch);
    } else {
      engine_->gather(dy, tensors.weights.data, tensors.dx.data, scratch);
    }
  }

  std::string describe() const override { return engine_->describe(); }

 private:
  static constexpr std::size_t kAlignment = 64;

  bool is_down() const { return config_.spec.type == ConvType::convolution; }
  static std::byte* aligned(const TensorView& workspace) {
    const auto address = reinterpret_cast<std::uintptr_t>(workspace.data);
    return reinterpret_cast<std::byte*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }

  ConvConfig config_;
  std::unique_ptr<ConvEngine> engine_;
};

std::unique_ptr<ConvEngine> make_engine(const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const bool down = spec.type == ConvType::convolution;
  const Shape output = spec.output_shape(config.input);
  const ConvSides sides{down ? config.input : output,
                        down ? output : config.input,
                        spec.kernel,
                        spec.stride,
                        spec.padding,
                        config.dtype};
  if (sides.is_dense()) {
    return sides.small[3] == 1 ? make_dot_engine(sides) : make_matrix_engine(sides);
  }
  if (filtering_pays(sides)) return make_filtering_engine(sides);
  return make_patch_engine(sides, down ? config.activation : ActivationSpec{});
}

}  // namespace

std::unique_ptr<ConvPlan> plan_convolution(const Context& /*context*/, const ConvConfig& config) {
  if (config.dtype == DType::bf16) require_bf16();
  if (config.policy.allow_tf32 && config.dtype == DType::f32) {
    fail(ErrorKind::unavailable,
         "conv: TF32 is a format of NVIDIA's tensor cores (--precision tf32 needs --device cuda); "
         "the CPU computes in fp32 and bf16");
  }
  return std::make_unique<Plan>(config, make_engine(config));
}

}  // namespace dcgan::cpu

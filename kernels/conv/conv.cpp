#include "kernels/conv/conv.h"

#include <utility>

#include "kernels/common/checks.h"
#include "kernels/conv/conv_variants.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

constexpr const char* kName = "conv";

/// Output extent along one axis; 0 or less: nothing is left.
std::int64_t output_extent(const ConvSpec& spec, std::int64_t input) {
  if (spec.type == ConvType::transposed) {
    return (input - 1) * spec.stride - 2 * spec.padding + spec.kernel;
  }
  const std::int64_t room = input + 2 * spec.padding - spec.kernel;
  return room < 0 ? 0 : room / spec.stride + 1;
}

void check_spec(const ConvSpec& spec) {
  if (spec.in_channels < 1 || spec.out_channels < 1) {
    fail(ErrorKind::config, "conv: {} -> {} channels, both must be at least 1", spec.in_channels,
         spec.out_channels);
  }
  // A kernel narrower than its stride or its padding has outputs that no input reaches.
  if (spec.kernel < 1 || spec.stride < 1 || spec.padding < 0 || spec.padding >= spec.kernel) {
    fail(ErrorKind::config,
         "conv: kernel {}, stride {}, padding {}: need kernel >= 1, stride >= 1, "
         "0 <= padding < kernel",
         spec.kernel, spec.stride, spec.padding);
  }
}

/// Checks the tensors of each call, then lets the device's plan compute.
class CheckedConvPlan final : public ConvPlan {
 public:
  CheckedConvPlan(ConvConfig config, std::unique_ptr<ConvPlan> plan)
      : config_(std::move(config)),
        output_(config_.spec.output_shape(config_.input)),
        plan_(std::move(plan)) {}

  std::size_t workspace_bytes(ConvPass pass) const override {
    return config_.passes.contain(pass) ? plan_->workspace_bytes(pass) : 0;
  }
  DType precision_of_dweights() const override { return plan_->precision_of_dweights(); }
  std::string describe() const override { return plan_->describe(); }

  void forward(const Context& context, const ConvForward& tensors) override {
    check_pass(ConvPass::forward, tensors.workspace);
    check("x", tensors.x, config_.input);
    check("weights", tensors.weights, config_.spec.weight_shape());
    check("y", tensors.y, output_);
    checks::disjoint(kName, "y", tensors.y, "x", tensors.x);
    if (config_.bias == ConvBias::per_channel) {
      checks::tensor(kName, "bias", tensors.bias, DType::f32, {config_.spec.out_channels});
    } else {
      DCGAN_CHECK(tensors.bias.empty(), "{}: a bias that was not planned", kName);
    }
    plan_->forward(context, tensors);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    check_gradient(tensors);
    plan_->activation_backward(context, tensors);
  }

  void backward_data(const Context& context, const ConvBackward& tensors) override {
    check_pass(ConvPass::backward_data, tensors.workspace);
    check_gradient(tensors);
    check("weights", tensors.weights, config_.spec.weight_shape());
    check("dx", tensors.dx, config_.input);
    checks::disjoint(kName, "dx", tensors.dx, "dy", tensors.dy);
    plan_->backward_data(context, tensors);
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    check_pass(ConvPass::backward_weights, tensors.workspace);
    check_gradient(tensors);
    check("x", tensors.x, config_.input);
    checks::tensor(kName, "dweights", tensors.dweights, DType::f32, config_.spec.weight_shape());
    plan_->backward_weights(context, tensors);
  }

 private:
  void check(const char* argument, ConstTensorView view, const Shape& shape) const {
    checks::tensor(kName, argument, view, config_.dtype, shape);
  }
  void check_gradient(const ConvBackward& tensors) const {
    check("dy", tensors.dy, output_);
    if (config_.activation.kind != Activation::none) check("y", tensors.y, output_);
  }
  void check_pass(ConvPass pass, const TensorView& workspace) const {
    DCGAN_CHECK(config_.passes.contain(pass), "{}: {} of {} was not planned", kName,
                enum_name(pass), to_string(config_.spec));
    checks::workspace(kName, enum_name(pass), workspace, plan_->workspace_bytes(pass));
  }

  ConvConfig config_;
  Shape output_;
  std::unique_ptr<ConvPlan> plan_;
};

}  // namespace

bool ConvPasses::contain(ConvPass pass) const {
  switch (pass) {
    case ConvPass::forward:
      return forward;
    case ConvPass::backward_data:
      return backward_data;
    case ConvPass::backward_weights:
      break;
  }
  return backward_weights;
}

Shape ConvSpec::weight_shape() const {
  return type == ConvType::convolution ? Shape{out_channels, kernel, kernel, in_channels}
                                       : Shape{in_channels, kernel, kernel, out_channels};
}

Shape ConvSpec::output_shape(const Shape& input) const {
  check_spec(*this);
  if (input.rank() != 4 || input.elements() == 0 || input[3] != in_channels) {
    fail(ErrorKind::config, "conv: input {} does not fit {}: expected (N, H, W, {})",
         to_string(input), to_string(*this), in_channels);
  }
  const std::int64_t height = output_extent(*this, input[1]);
  const std::int64_t width = output_extent(*this, input[2]);
  if (height < 1 || width < 1) {
    fail(ErrorKind::config, "conv: nothing is left of input {} after {}", to_string(input),
         to_string(*this));
  }
  return {input[0], height, width, out_channels};
}

std::int64_t ConvSpec::multiply_accumulates(const Shape& input) const {
  // Each pixel of the features of the underlying convolution meets the whole kernel.
  const Shape features = type == ConvType::convolution ? output_shape(input) : input;
  return features[0] * features[1] * features[2] * weight_shape().elements();
}

std::string to_string(const ConvSpec& spec) {
  return fmt::format("{} {}->{} k{} s{} p{}",
                     spec.type == ConvType::transposed ? "conv transposed" : "conv",
                     spec.in_channels, spec.out_channels, spec.kernel, spec.stride, spec.padding);
}

const std::vector<ConvCandidate>& conv_candidates(const Context& context) {
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::conv_candidates();
  }
  return cpu::conv_candidates();
}

std::unique_ptr<ConvPlan> plan_convolution(const Context& context, const ConvConfig& config) {
  config.spec.output_shape(config.input);  // throws on what does not fit
  if (config.dtype != DType::f32 && config.dtype != DType::bf16) {
    fail(ErrorKind::config, "conv: cannot compute in {}, only in f32 and bf16",
         name_of(config.dtype));
  }
  const ActivationSpec& activation = config.activation;
  if (activation.kind == Activation::leaky_relu && !(activation.negative_slope > 0.0f)) {
    fail(ErrorKind::config, "conv: negative slope {} is not above 0", activation.negative_slope);
  }
  if (config.bias != ConvBias::none &&
      (config.passes.backward_data || config.passes.backward_weights)) {
    fail(ErrorKind::config, "conv: {} with a bias has no backward passes", to_string(config.spec));
  }
  std::unique_ptr<ConvPlan> plan;
  if constexpr (kHasCuda) {
    if (context.is_cuda()) plan = cuda::plan_convolution(context, config);
  }
  if (!plan) plan = cpu::plan_convolution(context, config);
  return std::make_unique<CheckedConvPlan>(config, std::move(plan));
}

}  // namespace dcgan

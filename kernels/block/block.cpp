#include "kernels/block/block.h"

#include <algorithm>
#include <utility>

#include "kernels/block/block_variants.h"
#include "kernels/common/checks.h"
#include "runtime/base/build_config.h"

namespace dcgan {
namespace {

constexpr const char* kName = "block";

void check_config(const BlockConfig& config) {
  config.output();  // throws on what does not fit
  if (config.norm == Norm::none) return;
  if (config.bias != ConvBias::none) {
    fail(ErrorKind::config, "block: a bias beside batch norm, which has one");
  }
  if (config.norm_groups < 1 || config.input[0] % config.norm_groups != 0) {
    fail(ErrorKind::config, "block: {} images do not split into {} groups", config.input[0],
         config.norm_groups);
  }
  if (config.activation.kind == Activation::tanh) {
    fail(ErrorKind::config, "block: tanh is not offered behind batch norm");
  }
}

/// Checks the tensors of each call, then lets the candidate's plan compute.
class CheckedBlockPlan final : public BlockPlan {
 public:
  CheckedBlockPlan(BlockConfig config, std::unique_ptr<BlockPlan> plan)
      : config_(std::move(config)), output_(config_.output()), plan_(std::move(plan)) {}

  std::size_t workspace_bytes(ConvPass pass) const override { return plan_->workspace_bytes(pass); }
  std::string describe() const override { return plan_->describe(); }

  void convolve(const Context& context, const BlockForward& tensors) override {
    check_convolution(tensors);
    if (!has_norm()) {
      check_output(tensors);
    } else if (!is_exchanged()) {
      check_running(tensors.running);
      check_saved(tensors.saved);
    }
    plan_->convolve(context, tensors);
  }

  void normalise(const Context& context, const BlockForward& tensors) override {
    if (!has_norm()) return;
    check_workspace(ConvPass::forward, tensors.workspace);
    check("conv_output", tensors.conv_output, output_);
    check_norm(tensors.norm);
    if (is_exchanged()) check_running(tensors.running);
    check_saved(tensors.saved);
    check_output(tensors);
    plan_->normalise(context, tensors);
  }

  void infer(const Context& context, const BlockForward& tensors) override {
    check_convolution(tensors);
    check_output(tensors);
    if (has_norm()) {
      check_norm(tensors.norm);
      check_running(tensors.running);
    }
    plan_->infer(context, tensors);
  }

  void backward_sums(const Context& context, const BlockBackward& tensors) override {
    if (!has_norm()) return;
    check_norm_backward(tensors);
    DCGAN_CHECK(tensors.dnorm_weight.empty() == tensors.dnorm_bias.empty(),
                "{}: of dnorm_weight and dnorm_bias one is empty and one is not", kName);
    if (!tensors.dnorm_weight.empty()) {
      check_f32("dnorm_weight", tensors.dnorm_weight, {output_[3]});
      check_f32("dnorm_bias", tensors.dnorm_bias, {output_[3]});
    }
    plan_->backward_sums(context, tensors);
  }

  void backward_apply(const Context& context, const BlockBackward& tensors) override {
    if (has_norm()) {
      check_norm_backward(tensors);
    } else {
      check_gradient(tensors);
    }
    plan_->backward_apply(context, tensors);
  }

  void backward_data(const Context& context, const BlockBackward& tensors) override {
    check_pass(ConvPass::backward_data, tensors.workspace);
    check_gradient(tensors);
    check("weights", tensors.weights, config_.conv.weight_shape());
    check("dinput", tensors.dinput, config_.input);
    checks::disjoint(kName, "dinput", tensors.dinput, "doutput", tensors.doutput);
    plan_->backward_data(context, tensors);
  }

  void backward_weights(const Context& context, const BlockBackward& tensors) override {
    check_pass(ConvPass::backward_weights, tensors.workspace);
    check_gradient(tensors);
    check("input", tensors.input, config_.input);
    check_f32("dweights", tensors.dweights, config_.conv.weight_shape());
    plan_->backward_weights(context, tensors);
  }

  BatchNormStatistics statistics(const BlockForward& tensors) const override {
    check_has_norm("statistics");
    DCGAN_CHECK(is_exchanged(), "{}: the statistics are not exchanged", kName);
    check_workspace(ConvPass::forward, tensors.workspace);
    return plan_->statistics(tensors);
  }

  BatchNormSums totals(const BlockBackward& tensors) const override {
    check_has_norm("totals");
    check_workspace(ConvPass::backward_data, tensors.workspace);
    return plan_->totals(tensors);
  }

 private:
  bool has_norm() const { return config_.norm == Norm::batch; }
  bool is_exchanged() const { return config_.norm_statistics == NormStatistics::exchanged; }
  void check_has_norm(const char* what) const {
    DCGAN_CHECK(has_norm(), "{}: no {} without a norm", kName, what);
  }
  void check(const char* argument, ConstTensorView view, const Shape& shape) const {
    checks::tensor(kName, argument, view, config_.dtype, shape);
  }
  static void check_f32(const char* argument, ConstTensorView view, const Shape& shape) {
    checks::tensor(kName, argument, view, DType::f32, shape);
  }

  void check_workspace(ConvPass pass, const TensorView& workspace) const {
    checks::workspace(kName, enum_name(pass), workspace, plan_->workspace_bytes(pass));
  }
  void check_pass(ConvPass pass, const TensorView& workspace) const {
    DCGAN_CHECK(config_.passes.contain(pass), "{}: {} of {} was not planned", kName,
                enum_name(pass), to_string(config_.conv));
    check_workspace(pass, workspace);
  }

  void check_convolution(const BlockForward& tensors) const {
    check_pass(ConvPass::forward, tensors.workspace);
    check("input", tensors.input, config_.input);
    check("weights", tensors.weights, config_.conv.weight_shape());
    if (!has_norm()) return;
    check("conv_output", tensors.conv_output, output_);
    checks::disjoint(kName, "conv_output", tensors.conv_output, "input", tensors.input);
  }
  void check_output(const BlockForward& tensors) const {
    check("output", tensors.output, output_);
    if (has_norm()) {
      checks::same_or_disjoint(kName, "output", tensors.output, "conv_output", tensors.conv_output);
    } else {
      checks::disjoint(kName, "output", tensors.output, "input", tensors.input);
    }
  }

  void check_norm(const BatchNormParameters& norm) const {
    check_f32("norm.weight", norm.weight, {output_[3]});
    check_f32("norm.bias", norm.bias, {output_[3]});
  }
  void check_running(const BatchNormRunning& running) const {
    check_f32("running.mean", running.mean, {output_[3]});
    check_f32("running.var", running.var, {output_[3]});
  }
  void check_saved(const BatchNormSaved& saved) const {
    check_f32("saved.mean", saved.mean, {config_.norm_groups, output_[3]});
    check_f32("saved.invstd", saved.invstd, {config_.norm_groups, output_[3]});
  }
  void check_norm_backward(const BlockBackward& tensors) const {
    DCGAN_CHECK(config_.passes.backward_data || config_.passes.backward_weights,
                "{}: no backward pass of {} was planned", kName, to_string(config_.conv));
    check_workspace(ConvPass::backward_data, tensors.workspace);
    check("conv_output", tensors.conv_output, output_);
    check("doutput", tensors.doutput, output_);
    checks::disjoint(kName, "doutput", tensors.doutput, "conv_output", tensors.conv_output);
    check_norm(tensors.norm);
    check_saved(tensors.saved);
  }
  void check_gradient(const BlockBackward& tensors) const {
    check("doutput", tensors.doutput, output_);
    if (has_norm() || config_.activation.kind == Activation::none) return;
    check("output", tensors.output, output_);
    checks::disjoint(kName, "doutput", tensors.doutput, "output", tensors.output);
  }

  BlockConfig config_;
  Shape output_;
  std::unique_ptr<BlockPlan> plan_;
};

}  // namespace

const std::vector<BlockCandidate>& block_candidates() {
  static const std::vector<BlockCandidate> candidates = [] {
    std::vector<BlockCandidate> all{
        {"composite", [](const Context&, const BlockConfig&) { return true; },
         make_composite_block},
    };
    if constexpr (kHasCuda) {
      for (const BlockCandidate& one : cuda::block_candidates()) all.push_back(one);
    }
    return all;
  }();
  return candidates;
}

std::unique_ptr<BlockPlan> plan_block(const Context& context, const BlockConfig& config) {
  check_config(config);
  const bool timed = context.is_cuda() && config.policy.tuning != ConvTuning::off;
  std::vector<BlockCandidate> fitting;
  for (const BlockCandidate& candidate : block_candidates()) {
    if (!timed && candidate.choice == BlockChoice::when_timed) continue;
    if (candidate.fits(context, config)) fitting.push_back(candidate);
  }
  std::unique_ptr<BlockPlan> plan;
  if constexpr (kHasCuda) {
    if (fitting.size() > 1 && timed) plan = cuda::plan_tuned_block(context, config, fitting);
  }
  if (!plan) plan = fitting.front().make(context, config);
  return std::make_unique<CheckedBlockPlan>(config, std::move(plan));
}

}  // namespace dcgan

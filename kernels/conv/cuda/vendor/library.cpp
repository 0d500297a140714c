// Convolutions through cuDNN: three plans, chosen once for the shape.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/vendor/cudnn_choice.h"
#include "kernels/elementwise/convert_variants.h"
#include "kernels/elementwise/cuda/activation.h"

namespace dcgan::cuda {
namespace {

constexpr std::size_t kAlignment = 256;  // bytes

ConvRunner require_plan(const Context& context, const std::shared_ptr<const Libraries>& libraries,
                        const ConvProblem& problem, ConvTuning tuning) {
  std::optional<ConvRunner> runner = choose_plan(context, libraries, problem, tuning);
  if (!runner) {
    fail(ErrorKind::unavailable,
         "conv: cuDNN {} has no engine for {} on {}; the last one it tried: {}", cudnnGetVersion(),
         to_string(problem), to_string(context.device()), last_refusal());
  }
  return std::move(*runner);
}

class LibraryConvPlan final : public ConvPlan {
 public:
  LibraryConvPlan(const Context& context, const ConvConfig& config)
      : config_(config), libraries_(Libraries::of(context)) {
    const ConvPasses& passes = config.passes;
    if (is_down() ? passes.forward : passes.backward_data) {
      features_.emplace(require(context, problem_of(config, ConvProduct::forward)));
    }
    if (is_down() ? passes.backward_data : passes.forward) {
      image_.emplace(require(context, problem_of(config, ConvProduct::backward_data)));
    }
    if (passes.backward_weights) choose_weights(context);
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    if (pass == ConvPass::backward_weights) {
      return weights_ ? staging_bytes_ + weights_->workspace_bytes() : 0;
    }
    const auto& runner = is_down() == (pass == ConvPass::forward) ? features_ : image_;
    return runner ? runner->workspace_bytes() : 0;
  }

  std::string describe() const override {
    const auto name = [](const std::optional<ConvRunner>& runner) {
      return runner ? runner->name() : "not planned";
    };
    return fmt::format("cuDNN: forward {}, data {}, weights {}{}",
                       name(is_down() ? features_ : image_), name(is_down() ? image_ : features_),
                       name(weights_), staging_bytes_ > 0 ? " (through bf16)" : "");
  }

  void forward(const Context& context, const ConvForward& tensors) override {
    const auto& [x, weights, y, workspace] = tensors;
    if (is_down()) {
      features_->run(x.data, weights.data, y.data, workspace.data);
    } else {
      image_->run(y.data, weights.data, x.data, workspace.data);
    }
    activate_in_place(context, y, config_.activation);
  }

  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, config_.activation);
  }

  void backward_data(const Context& /*context*/, const ConvBackward& tensors) override {
    void* const workspace = tensors.workspace.data;
    if (is_down()) {
      image_->run(tensors.dx.data, tensors.weights.data, tensors.dy.data, workspace);
    } else {
      features_->run(tensors.dy.data, tensors.weights.data, tensors.dx.data, workspace);
    }
  }

  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    const void* image = is_down() ? tensors.x.data : tensors.dy.data;
    const void* features = is_down() ? tensors.dy.data : tensors.x.data;
    auto* const workspace = static_cast<std::byte*>(tensors.workspace.data);
    if (staging_bytes_ == 0) {
      return weights_->run(image, tensors.dweights.data, features, workspace);
    }
    weights_->run(image, workspace, features, workspace + staging_bytes_);
    cuda::convert_type(context, TensorView(workspace, tensors.dweights.shape, config_.dtype),
                       tensors.dweights);
  }

 private:
  bool is_down() const { return config_.spec.type == ConvType::convolution; }

  ConvRunner require(const Context& context, const ConvProblem& problem) const {
    return require_plan(context, libraries_, problem, config_.policy.tuning);
  }

  void choose_weights(const Context& context) {
    ConvProblem problem = problem_of(config_, ConvProduct::backward_weights);
    weights_ = choose_plan(context, libraries_, problem, config_.policy.tuning);
    if (weights_) return;
    // Few engines write f32 gradients of bf16 tensors: let it be rounded once, then widened.
    problem.result = config_.dtype;
    weights_.emplace(require(context, problem));
    const std::size_t bytes =
        static_cast<std::size_t>(config_.spec.weight_shape().elements()) * size_of(config_.dtype);
    staging_bytes_ = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  ConvConfig config_;
  std::shared_ptr<const Libraries> libraries_;
  // Those that were planned.
  std::optional<ConvRunner> features_;  // features from image and weights
  std::optional<ConvRunner> image_;     // image from features and weights
  std::optional<ConvRunner> weights_;
  std::size_t staging_bytes_ = 0;  // of a gradient in the tensors' type, before the plan's own
};

}  // namespace

std::unique_ptr<ConvPlan> plan_library_convolution(const Context& context,
                                                   const ConvConfig& config) {
  return std::make_unique<LibraryConvPlan>(context, config);
}

}  // namespace dcgan::cuda

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
      : config_(config),
        libraries_(Libraries::of(context)),
        features_(require_plan(context, libraries_, problem_of(config, ConvPass::forward),
                               config.policy.tuning)),
        image_(require_plan(context, libraries_, problem_of(config, ConvPass::backward_data),
                            config.policy.tuning)) {
    ConvProblem problem = problem_of(config, ConvPass::backward_weights);
    weights_ = choose_plan(context, libraries_, problem, config.policy.tuning);
    if (weights_) return;
    // Few engines write f32 gradients of bf16 tensors: let it be rounded once, then widened.
    problem.result = config.dtype;
    weights_.emplace(require_plan(context, libraries_, problem, config.policy.tuning));
    const std::size_t bytes =
        static_cast<std::size_t>(config.spec.weight_shape().elements()) * size_of(config.dtype);
    staging_bytes_ = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  std::size_t workspace_bytes() const override {
    return std::max({features_.workspace_bytes(), image_.workspace_bytes(),
                     staging_bytes_ + weights_->workspace_bytes()});
  }

  std::string describe() const override {
    return fmt::format("cuDNN: forward {}, data {}, weights {}{}",
                       is_down() ? features_.name() : image_.name(),
                       is_down() ? image_.name() : features_.name(), weights_->name(),
                       staging_bytes_ > 0 ? " (through bf16)" : "");
  }

  void forward(const Context& context, ConstTensorView x, ConstTensorView weights, TensorView y,
               TensorView workspace) override {
    if (is_down()) {
      features_.run(x.data, weights.data, y.data, workspace.data);
    } else {
      image_.run(y.data, weights.data, x.data, workspace.data);
    }
    activate_in_place(context, y, config_.activation);
  }

  void backward(const Context& context, const ConvBackward& tensors,
                TensorView workspace) override {
    if (config_.activation.kind != Activation::none) {
      activation_backward_in_place(context, tensors.y, tensors.dy, config_.activation);
    }
    if (!tensors.dweights.empty()) run_weights(context, tensors, workspace);
    if (tensors.dx.empty()) return;
    if (is_down()) {
      image_.run(tensors.dx.data, tensors.weights.data, tensors.dy.data, workspace.data);
    } else {
      features_.run(tensors.dy.data, tensors.weights.data, tensors.dx.data, workspace.data);
    }
  }

 private:
  bool is_down() const { return config_.spec.type == ConvType::convolution; }

  void run_weights(const Context& context, const ConvBackward& tensors, TensorView workspace) {
    const void* image = is_down() ? tensors.x.data : tensors.dy.data;
    const void* features = is_down() ? tensors.dy.data : tensors.x.data;
    if (staging_bytes_ == 0) {
      return weights_->run(image, tensors.dweights.data, features, workspace.data);
    }
    auto* bytes = static_cast<std::byte*>(workspace.data);
    weights_->run(image, bytes, features, bytes + staging_bytes_);
    cuda::convert_type(context, TensorView(bytes, tensors.dweights.shape, config_.dtype),
                       tensors.dweights);
  }

  ConvConfig config_;
  std::shared_ptr<const Libraries> libraries_;
  ConvRunner features_;  // features from image and weights
  ConvRunner image_;     // image from features and weights
  std::optional<ConvRunner> weights_;
  std::size_t staging_bytes_ = 0;  // of a gradient in the tensors' type, before the plan's own
};

}  // namespace

std::unique_ptr<ConvPlan> plan_library_convolution(const Context& context,
                                                   const ConvConfig& config) {
  return std::make_unique<LibraryConvPlan>(context, config);
}

}  // namespace dcgan::cuda

// Convolutions through cuDNN: the plans of one pass of a layer.
#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/vendor/cudnn_plans.h"
#include "kernels/conv/underlying.h"
#include "kernels/elementwise/activation.h"
#include "kernels/elementwise/convert.h"

namespace dcgan::cuda {
namespace {

constexpr std::size_t kAlignment = 256;  // bytes

/// How many plans a pass is offered.
std::size_t most_plans(ConvTuning tuning) {
  switch (tuning) {
    case ConvTuning::heuristic:
      return 6;
    case ConvTuning::exhaustive:
      return 24;
    case ConvTuning::off:
      break;
  }
  return 64;  // asked for only as long as the plans before them fail
}

/// How a plan's results become what the pass promises.
struct Form {
  DType result = DType::f32;  ///< in which cuDNN writes dweights; not f32: they are converted
  Epilogue epilogue = Epilogue::none;  ///< none: a bias and an activation are a pass of their own
};

/// One pass through one cuDNN plan. The derivative of the activation is applied in place.
class CudnnPassPlan final : public ConvPlan {
 public:
  CudnnPassPlan(const Context& context, const ConvConfig& config, const Form& form,
                ExecutionPlan plan)
      : config_(config), epilogue_(form.epilogue), runner_(std::move(plan)) {
    libraries_.push_back({context.stream(), Libraries::of(context)});
    if (config.passes.backward_weights && form.result != DType::f32) {
      const std::size_t bytes =
          static_cast<std::size_t>(config.spec.weight_shape().elements()) * size_of(form.result);
      staging_bytes_ = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
  }

  std::string plan_text() const { return runner_.plan_text(); }
  std::size_t workspace_bytes(ConvPass pass) const override {
    return config_.passes.contain(pass) ? staging_bytes_ + runner_.workspace_bytes() : 0;
  }
  DType precision_of_dweights() const override {
    return staging_bytes_ == 0 ? DType::f32 : config_.dtype;
  }
  std::string describe() const override { return "cuDNN"; }

  void forward(const Context& context, const ConvForward& tensors) override {
    const bool fused = epilogue_ != Epilogue::none;
    run(context, tensors.x.data, tensors.weights.data, tensors.y.data, tensors.workspace.data,
        fused ? tensors.bias.data : nullptr);
    if (!fused) add_bias_and_activate(context, tensors.y, tensors.bias, config_.activation);
  }
  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    activation_backward_in_place(context, tensors.y, tensors.dy, config_.activation);
  }
  void backward_data(const Context& context, const ConvBackward& tensors) override {
    run(context, tensors.dx.data, tensors.weights.data, tensors.dy.data, tensors.workspace.data);
  }
  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    auto* const workspace = static_cast<std::byte*>(tensors.workspace.data);
    if (staging_bytes_ == 0) {
      return run(context, tensors.x.data, tensors.dweights.data, tensors.dy.data, workspace);
    }
    run(context, tensors.x.data, workspace, tensors.dy.data, workspace + staging_bytes_);
    const TensorView staged(workspace, tensors.dweights.shape, config_.dtype);
    convert_type(context, staged, tensors.dweights);
  }

 private:
  /// `input`: x or dx; `output`: y or dy; `bias`: of an epilogue.
  void run(const Context& context, const void* input, const void* weights, const void* output,
           void* workspace, const void* bias = nullptr) {
    const auto [image, features] = image_and_features(config_.spec.type, input, output);
    runner_.run(handle_of(context), {image, weights, features, bias, workspace});
  }

  /// A handle is bound to a stream, and passes may run on other streams than that of planning.
  cudnnHandle_t handle_of(const Context& context) {
    for (const auto& [stream, libraries] : libraries_) {
      if (stream == context.stream()) return libraries->cudnn();
    }
    return libraries_.emplace_back(context.stream(), Libraries::of(context)).second->cudnn();
  }

  ConvConfig config_;
  Epilogue epilogue_;
  CudnnRunner runner_;
  std::vector<std::pair<CUstream_st*, std::shared_ptr<const Libraries>>> libraries_;
  std::size_t staging_bytes_ = 0;  // of dweights in the tensors' type, before the plan's workspace
};

class CudnnLibraryPlans final : public LibraryPlans {
 public:
  CudnnLibraryPlans(const Context& context, const ConvConfig& config)
      : context_(context),
        config_(config),
        libraries_(Libraries::of(context)),
        target_{libraries_->cudnn(), nullptr},
        most_(most_plans(config.policy.tuning)) {
    ConvProblem problem = problem_of(config, only_pass(config));
    add_source(problem);
    if (problem.product == ConvPass::backward_weights && problem.conv.dtype != DType::f32) {
      // Few engines write f32 gradients of bf16 tensors: those that round them once, and then a
      // conversion, are candidates too.
      problem.result = problem.conv.dtype;
      add_source(problem);
    }
    // Chosen by time alone, after its numbers were compared with those of the plan before it.
    const std::optional<ConvProblem> fused = fused_problem_of(config);
    if (fused && config.policy.tuning != ConvTuning::off) {
      add_source(*fused);
      most_ *= 2;
    }
  }

  /// From the sources in turn.
  PassPlan next() override {
    for (std::size_t empty = 0; empty < sources_.size() && given_ < most_;) {
      Source& source = sources_[turn_++ % sources_.size()];
      if (std::optional<ExecutionPlan> plan = source.plans.next()) {
        return named(fmt::format("cuDNN plan {}", ++given_), source.form, std::move(*plan));
      }
      ++empty;
    }
    return {};
  }

  PassPlan restore(const std::string& key) override {
    for (const Source& source : sources_) {
      const std::string prefix = prefix_of(source.form);
      if (!key.starts_with(prefix)) continue;
      ExecutionPlan plan = load_plan(key.substr(prefix.size()), target_);
      if (plan.ok) return named("kept cuDNN plan", source.form, std::move(plan));
    }
    return {};
  }

  std::string last_refusal() const override { return cuda::last_refusal(); }

 private:
  struct Source {
    Form form;
    CudnnPlans plans;
  };

  void add_source(const ConvProblem& problem) {
    sources_.push_back({{problem.result, problem.epilogue}, CudnnPlans(problem, target_)});
  }
  static std::string prefix_of(const Form& form) {
    return fmt::format("cudnn, result {}{}\n", name_of(form.result), words_of(form.epilogue));
  }
  static const char* words_of(Epilogue epilogue) {
    return epilogue == Epilogue::none ? "" : ", bias inside";
  }
  PassPlan named(std::string name, const Form& form, ExecutionPlan plan) const {
    const bool converted = config_.passes.backward_weights && form.result != DType::f32;
    if (converted) name += fmt::format(" through {}", name_of(form.result));
    name += words_of(form.epilogue);
    auto made = std::make_unique<CudnnPassPlan>(context_, config_, form, std::move(plan));
    const std::string text = made->plan_text();
    return {std::move(name), text.empty() ? "" : prefix_of(form) + text, Derivative::in_place,
            std::move(made)};
  }

  const Context& context_;
  ConvConfig config_;
  std::shared_ptr<const Libraries> libraries_;
  Target target_;
  std::vector<Source> sources_;
  std::size_t turn_ = 0;
  std::size_t given_ = 0;
  std::size_t most_;
};

}  // namespace

std::unique_ptr<LibraryPlans> library_plans(const Context& context, const ConvConfig& config) {
  return std::make_unique<CudnnLibraryPlans>(context, config);
}

bool library_plans_may_fail() { return true; }

std::string library_key() {
  return fmt::format("cudnn {} cublaslt {}", cudnnGetVersion(), cublasLtGetVersion());
}

}  // namespace dcgan::cuda

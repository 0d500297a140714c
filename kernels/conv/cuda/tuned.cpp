// A plan whose passes are chosen one by one: the library's plans and our own kernels side by side
// in one list for each pass.
#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "kernels/conv/cuda/plans.h"
#include "kernels/conv/cuda/timing_tensors.h"
#include "kernels/conv/underlying.h"
#include "kernels/elementwise/activation.h"
#include "kernels/vendor/graph_timer.h"
#include "kernels/vendor/plan_cache.h"
#include "kernels/vendor/tuner.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan::cuda {
namespace {

// Part of the cache's keys: count it up when what may be chosen, or how, changes.
constexpr int kChoiceVersion = 3;

/// Bounds on the relative L2 difference of two right results. f32: sums in another order, and the
/// library's Winograd transforms, a few hundred ulp. TF32 rounds every factor to 11 bits (2^-11).
/// bf16 rounds the result to 8 bits (2^-9), and dy once more where the derivative is applied in
/// place. A wrong result differs by about 1.
double tolerance_of(const ConvConfig& config) {
  if (config.dtype == DType::bf16) return 0x1p-6;
  return config.policy.allow_tf32 ? 0x1p-8 : 1e-4;
}

std::string cache_key(const Context& context, const ConvConfig& config,
                      const std::vector<Algorithm>& choices) {
  const DeviceDescription gpu = describe_device(context.device().ordinal);
  std::string names;
  for (const Algorithm& choice : choices) names += fmt::format(" {},", choice.candidate.name);
  const ConvConfig& c = config;
  return fmt::format("choice {} {} {} sm {}{}: {} of {} on {}, {}{}{}, activation {}, {}:{}",
                     kChoiceVersion, library_key(), gpu.name, gpu.major, gpu.minor,
                     enum_name(only_pass(c)), to_string(c.spec), to_string(c.input),
                     name_of(c.dtype), c.policy.allow_tf32 && c.dtype == DType::f32 ? " tf32" : "",
                     c.bias == ConvBias::per_channel ? ", bias inside or after" : "",
                     static_cast<int>(c.activation.kind), enum_name(c.policy.tuning), names);
}

/// The key of a candidate that has one plan. Those of library_plans() begin otherwise.
std::string candidate_key(const Algorithm& algorithm) {
  return fmt::format("candidate {}", algorithm.candidate.name);
}

/// The candidates of one pass, and what the tuner chooses among them.
class PassSearch {
 public:
  PassSearch(const Context& context, ConvConfig config, const std::vector<Algorithm>& choices)
      : context_(context), config_(std::move(config)), choices_(choices) {}

  /// Throws Error(unavailable) when nothing computes the pass.
  PassPlan choose() {
    prepare_tensors();
    std::optional<GraphTimer> timer;
    if (tensors_) {
      timer.emplace(context_,
                    TimingWork{sets_, [this] { tensors_->refresh(); }, tensors_->result()});
    }
    const TuningProblem problem{
        cache_key(context_, config_, choices_), [this] { return candidate(next_plan()); },
        [this](const std::string& key) { return candidate(restored(key)); }, tolerance_of(config_)};
    const bool off = config_.policy.tuning == ConvTuning::off;
    TuningOutcome outcome =
        choose_candidate(problem, timer ? &*timer : nullptr,
                         off ? TuningMode::first_that_works : TuningMode::fastest,
                         off ? std::string() : plan_cache_folder());
    context_.synchronize();  // before the tensors go; throws when a candidate broke the device
    if (!outcome.candidate) {
      fail(ErrorKind::unavailable, "conv: {} has no plan for {} of {} on {}, {}, on {}{}; {}",
           library_key(), enum_name(only_pass(config_)), to_string(config_.spec),
           to_string(config_.input), name_of(config_.dtype), to_string(context_.device()),
           outcome.how.empty() ? "" : "; " + outcome.how, library_ ? library_->last_refusal() : "");
    }
    PassPlan chosen = std::move(plans_[index_of_[outcome.candidate->name]]);
    chosen.name += fmt::format(" ({})", outcome.how);
    return chosen;
  }

 private:
  /// No tensors when nothing has to be tried, or when the device has no memory to try plans on.
  void prepare_tensors() {
    const bool timed = config_.policy.tuning != ConvTuning::off;
    if (!timed && !library_plans_may_fail()) return;
    const std::size_t l2_bytes = describe_device(context_.device().ordinal).l2_bytes;
    const int wanted = timed ? buffer_sets_for(TimingTensors::set_bytes(config_), l2_bytes) : 1;
    for (const int sets : {wanted, 1}) {
      try {
        tensors_.emplace(context_, config_, sets);
        sets_ = sets;
        return;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unavailable) throw;
      }
    }
  }

  LibraryPlans& library() {
    if (!library_) library_ = library_plans(context_, config_);
    return *library_;
  }

  PassPlan made(const Algorithm& choice) const {
    const std::string name(choice.candidate.name);
    return {name, candidate_key(choice), choice.derivative,
            choice.candidate.make(context_, config_)};
  }

  /// Without a plan: there are no more.
  PassPlan next_plan() {
    for (; next_choice_ < choices_.size(); ++next_choice_) {
      const Algorithm& choice = choices_[next_choice_];
      if (choice.source == PlanSource::library_plans) {
        PassPlan plan = library().next();
        if (plan.plan) return plan;
        continue;
      }
      try {
        PassPlan plan = made(choice);
        ++next_choice_;
        return plan;
      } catch (const Error& error) {  // a library without an algorithm for the shape
        if (error.kind() != ErrorKind::unavailable) throw;
      }
    }
    return {};
  }

  PassPlan restored(const std::string& key) {
    bool has_library = false;
    for (const Algorithm& choice : choices_) {
      if (choice.source == PlanSource::library_plans) {
        has_library = true;
      } else if (key == candidate_key(choice)) {
        return made(choice);
      }
    }
    return has_library ? library().restore(key) : PassPlan{};
  }

  std::optional<TuningCandidate> candidate(PassPlan plan) {
    if (!plan.plan) return std::nullopt;
    const std::size_t index = plans_.size();
    index_of_[plan.name] = index;
    plans_.push_back(std::move(plan));
    const PassPlan& kept = plans_.back();
    return TuningCandidate{kept.name, kept.key, kept.plan->workspace_bytes(only_pass(config_)),
                           [this, index](int set) { tensors_->run(*plans_[index].plan, set); }};
  }

  const Context& context_;
  ConvConfig config_;
  const std::vector<Algorithm>& choices_;
  std::size_t next_choice_ = 0;
  std::unique_ptr<LibraryPlans> library_;
  std::optional<TimingTensors> tensors_;
  int sets_ = 1;
  std::vector<PassPlan> plans_;
  std::map<std::string, std::size_t> index_of_;  // by name
};

class TunedPlan final : public ConvPlan {
 public:
  TunedPlan(const Context& context, const ConvConfig& config, const std::vector<Algorithm>& choices)
      : activation_(config.activation) {
    for (const auto& [name, pass] : enum_table(ConvPass{})) {
      if (!config.passes.contain(pass)) continue;
      of(pass) = PassSearch(context, for_pass(config, pass), choices).choose();
    }
    PassPlan& data = of(ConvPass::backward_data);
    PassPlan& weights = of(ConvPass::backward_weights);
    in_place_ = (data.plan && data.derivative == Derivative::in_place) ||
                (weights.plan && weights.derivative == Derivative::in_place);
    if (!in_place_) return;
    // One of the passes wants dy changed: the other must not apply the derivative again.
    for (const ConvPass pass : {ConvPass::backward_data, ConvPass::backward_weights}) {
      if (!of(pass).plan || of(pass).derivative == Derivative::in_place) continue;
      ConvConfig without = for_pass(config, pass);
      without.activation = {};
      for (const Algorithm& choice : choices) {
        if (of(pass).key == candidate_key(choice)) {
          of(pass).plan = choice.candidate.make(context, without);
        }
      }
    }
  }

  std::size_t workspace_bytes(ConvPass pass) const override {
    const auto& plan = passes_[static_cast<std::size_t>(pass)].plan;
    return plan ? plan->workspace_bytes(pass) : 0;
  }
  DType precision_of_dweights() const override {
    const auto& plan = passes_[static_cast<std::size_t>(ConvPass::backward_weights)].plan;
    return plan ? plan->precision_of_dweights() : DType::f32;
  }
  void forward(const Context& context, const ConvForward& tensors) override {
    of(ConvPass::forward).plan->forward(context, tensors);
  }
  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    if (in_place_) activation_backward_in_place(context, tensors.y, tensors.dy, activation_);
  }
  void backward_data(const Context& context, const ConvBackward& tensors) override {
    of(ConvPass::backward_data).plan->backward_data(context, tensors);
  }
  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    of(ConvPass::backward_weights).plan->backward_weights(context, tensors);
  }

  std::string describe() const override {
    std::string text;
    for (const auto& [name, pass] : enum_table(ConvPass{})) {
      const PassPlan& plan = passes_[static_cast<std::size_t>(pass)];
      if (!plan.plan) continue;
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, plan.name);
    }
    return text;
  }

 private:
  static ConvConfig for_pass(ConvConfig config, ConvPass pass) {
    config.passes = {pass == ConvPass::forward, pass == ConvPass::backward_data,
                     pass == ConvPass::backward_weights};
    return config;
  }
  PassPlan& of(ConvPass pass) { return passes_[static_cast<std::size_t>(pass)]; }

  ActivationSpec activation_;
  std::array<PassPlan, 3> passes_;  // by ConvPass; those that were planned
  bool in_place_ = false;
};

}  // namespace

ConvPass only_pass(const ConvConfig& config) {
  const ConvPasses& passes = config.passes;
  DCGAN_CHECK(passes.forward + passes.backward_data + passes.backward_weights == 1,
              "conv: {} passes where one is wanted",
              passes.forward + passes.backward_data + passes.backward_weights);
  return passes.forward         ? ConvPass::forward
         : passes.backward_data ? ConvPass::backward_data
                                : ConvPass::backward_weights;
}

std::unique_ptr<ConvPlan> plan_tuned(const Context& context, const ConvConfig& config,
                                     const std::vector<Algorithm>& choices) {
  return std::make_unique<TunedPlan>(context, config, choices);
}

}  // namespace dcgan::cuda

#include "models/parity/update_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "models/parity/optimizer_formula.h"
#include "models/parity/trace_inputs.h"
#include "models/parity/trace_values.h"
#include "models/training/engine.h"
#include "runtime/comm/local_communicator.h"

namespace dcgan {
namespace {

/// Of PyTorch's own distance from float64. Other programs add the same numbers in other orders, and
/// minimal filtering rounds a few times more; see README.md for what was measured.
constexpr double kOfPyTorch = 8;
/// Where PyTorch's distance is smaller than rounding can explain, by luck: of the size of values.
constexpr double kLeast = 2e-7;

/// Of what all ReLUs that a rounding decides change together: some alone may change more.
constexpr double kOfKinks = 2;

using Values = std::vector<double>;

/// A network's part in an update.
struct Side {
  const char* letter;
  Network* network;
};

class UpdateReplay {
 public:
  UpdateReplay(const Context& context, const SafetensorsFile& trace, const TrainingConfig& config,
               const std::string& prefix, const TraceBounds& bounds)
      : context_(context),
        trace_(trace),
        prefix_(prefix),
        inputs_(trace, config, prefix),
        optimizer_(RecordedOptimizer::from(trace.metadata(), trace.path().string())),
        rounded_(config.precision != Precision::fp32),
        bounds_(bounds),
        engine_(context, communicator_, config_for(inputs_, config)),
        source_(inputs_),
        sides_{{{"G", &engine_.generator()}, {"D", &engine_.discriminator()}}} {
    engine_.set_images(source_);
    engine_.set_latents(source_);
  }

  TraceReport run() {
    const std::int64_t of_step = engine_.config().discriminator_steps;
    for (std::int64_t step = 0; step < inputs_.steps(); ++step) {
      engine_.begin_step();
      for (std::int64_t index = 0; index < of_step; ++index) {
        update(step * of_step + index + 1, index, index + 1 == of_step ? step + 1 : 0);
      }
      engine_.end_step();
      note_scalars(step);
    }
    compare_scalars();
    report_.steps = inputs_.steps();
    return std::move(report_);
  }

 private:
  static TrainingConfig config_for(const TraceInputs& inputs, TrainingConfig config) {
    config.batch = inputs.batch();
    config.real_labels = inputs.has_labels() ? RealLabels::per_image : RealLabels::constant;
    return config;
  }

  std::string named(const char* head, std::int64_t update, const char* letter) const {
    return fmt::format("{}{}{}.{}.", prefix_, head, update, letter);
  }

  /// Update `number` of D, and behind it that of G when `generator_step` is not 0.
  void update(std::int64_t number, std::int64_t index, std::int64_t generator_step) {
    for (const Side& side : sides_) load(side, number);
    const Side& generator = sides_[0];
    const Side& discriminator = sides_[1];
    engine_.update_discriminator(index);
    compare_gradients(discriminator, number);
    compare_optimizer(discriminator, number, number);
    if (generator_step > 0) {
      // G looks through D's weights as PyTorch's update has left them.
      load_parameter_tensors(context_, trace_, *discriminator.network, ParameterArray::values,
                             named("state", number + 1, discriminator.letter));
      engine_.update_generator();
      compare_gradients(generator, number);
      compare_optimizer(generator, number, generator_step);
    }
    for (const Side& side : sides_) compare_statistics(side, number);
  }

  void load(const Side& side, std::int64_t number) {
    load_state_dict(context_, trace_, *side.network, named("state", number, side.letter));
    const std::string moments = named("moments", number, side.letter);
    if (is_adam()) {
      load_parameter_tensors(context_, trace_, *side.network, ParameterArray::first_moment, moments,
                             ".exp_avg");
    }
    load_parameter_tensors(context_, trace_, *side.network, ParameterArray::second_moment, moments,
                           second_suffix());
  }

  bool is_adam() const { return engine_.config().generator.kind == OptimizerKind::adam; }
  const char* second_suffix() const { return is_adam() ? ".exp_avg_sq" : ".square_avg"; }

  Values recorded(const std::string& name) const { return values_of(trace_.read(name)); }
  std::map<std::string, Values> ours(const Side& side, ParameterArray array) const {
    std::map<std::string, Values> result;
    for (const NamedTensor& one : parameter_tensors(context_, *side.network, array)) {
      result[one.name] = values_of(one.tensor);
    }
    return result;
  }

  /// For `verify --out`.
  void keep(const Side& side, ParameterArray array, const std::string& prefix) {
    for (NamedTensor& one : parameter_tensors(context_, *side.network, array, prefix)) {
      report_.computed.push_back(std::move(one));
    }
  }

  /// A bound from how far PyTorch's float32 is from float64; `size`: of the values.
  double bound(double of_pytorch, double size, double rounded) const {
    const double bound = kOfPyTorch * std::max(of_pytorch, kLeast * size);
    return rounded_ ? std::max(bound, rounded) : bound;
  }

  void compare_gradients(const Side& side, std::int64_t number) {
    keep(side, ParameterArray::gradients, named("grad", number, side.letter));
    for (const auto& [name, values] : ours(side, ParameterArray::gradients)) {
      const std::string of_trace = named("grad", number, side.letter) + name;
      const Values twin = recorded(named("twin", number, side.letter) + name);
      const double pytorch = distance(recorded(of_trace), twin).relative_l2;
      const double kinks = recorded(named("kinks", number, side.letter) + name).at(0);
      report_.comparisons.push_back(
          judged(of_trace, distance(values, twin), TraceMeasure::relative,
                 bound(pytorch, 1, bounds_.relative_gradient) + kOfKinks * kinks));
    }
  }

  // Weights and moments behind an update, of ours and of PyTorch's, from its own gradient each.
  void compare_optimizer(const Side& side, std::int64_t number, std::int64_t t) {
    keep(side, ParameterArray::values, named("state", number + 1, side.letter));
    const auto gradients = ours(side, ParameterArray::gradients);
    const auto weights = ours(side, ParameterArray::values);
    const auto second = ours(side, ParameterArray::second_moment);
    const auto first =
        is_adam() ? ours(side, ParameterArray::first_moment) : std::map<std::string, Values>{};
    for (const auto& [name, gradient] : gradients) {
      const Transition before = transition(side, number, name);
      const Transition after{weights.at(name), is_adam() ? first.at(name) : Values(gradient.size()),
                             second.at(name)};
      compare_transition(side, number, t, name, before, gradient, after, "");
      compare_transition(side, number, t, name, before,
                         recorded(named("grad", number, side.letter) + name),
                         transition(side, number + 1, name), " of PyTorch");
    }
  }

  struct Transition {
    Values weights;
    Values first;
    Values second;
  };
  /// What PyTorch has before update `number`.
  Transition transition(const Side& side, std::int64_t number, const std::string& name) const {
    const std::string moments = named("moments", number, side.letter) + name;
    Transition result{recorded(named("state", number, side.letter) + name),
                      {},
                      recorded(moments + second_suffix())};
    result.first = is_adam() ? recorded(moments + ".exp_avg") : Values(result.weights.size());
    return result;
  }

  void compare_transition(const Side& side, std::int64_t number, std::int64_t t,
                          const std::string& name, const Transition& before, const Values& gradient,
                          const Transition& after, const char* whose) {
    const bool clipped = side.letter[0] == 'D';
    Worst of_weights, of_first, of_second;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const auto [expected, tolerance] =
          optimized(optimizer_, t, {before.weights[i], before.first[i], before.second[i]},
                    gradient[i], clipped);
      of_weights.add(after.weights[i] - expected.value, tolerance.value);
      of_first.add(after.first[i] - expected.first, tolerance.first);
      of_second.add(after.second[i] - expected.second, tolerance.second);
    }
    const std::string moments = named("moments", number + 1, side.letter) + name;
    add(named("state", number + 1, side.letter) + name + whose, of_weights);
    if (is_adam()) add(moments + ".exp_avg" + whose, of_first);
    add(moments + second_suffix() + whose, of_second);
  }

  /// The largest difference, and the largest part of what is tolerated.
  struct Worst {
    double difference = 0;
    double of_tolerance = 0;

    void add(double by, double tolerance) {
      const double size = std::isfinite(by) ? std::fabs(by) : HUGE_VAL;
      difference = std::max(difference, size);
      of_tolerance = std::max(of_tolerance, size / tolerance);
    }
  };
  void add(const std::string& name, const Worst& worst) {
    TraceComparison result;
    result.name = name;
    result.max_abs = worst.difference;
    result.measure = TraceMeasure::update;
    result.measured = worst.of_tolerance;
    result.bound = 1;
    result.passed = result.measured <= result.bound;
    report_.comparisons.push_back(std::move(result));
  }

  // Running statistics behind an update, and the counts of batches.
  void compare_statistics(const Side& side, std::int64_t number) {
    const std::string after = named("state", number + 1, side.letter);
    for (const NamedTensor& one : state_dict(context_, *side.network)) {
      const bool is_count = one.name.ends_with(".num_batches_tracked");
      if (!is_count && one.name.find(".running_") == std::string::npos) continue;
      const Values values = values_of(one.tensor);
      const Values pytorch = recorded(after + one.name);
      const Values twin =
          is_count ? pytorch : recorded(named("twin", number, side.letter) + one.name);
      report_.comparisons.push_back(judged(after + one.name, distance(values, twin),
                                           TraceMeasure::absolute,
                                           is_count ? 0 : bound_of_values(pytorch, twin)));
    }
  }

  static double size_of(const Values& values) {
    double size = 0;
    for (const double value : values) size = std::max(size, std::fabs(value));
    return size;
  }
  double bound_of_values(const Values& pytorch, const Values& twin) const {
    return bound(distance(pytorch, twin).max_abs, size_of(twin), bounds_.absolute);
  }

  void note_scalars(std::int64_t step) {
    const Scalars scalars = engine_.step().read_scalars(context_);
    for (const ScalarInfo& info : kScalars) {
      Values& series = scalars_[std::string(info.name)];
      series.resize(static_cast<std::size_t>(step) + 1);
      series.back() = static_cast<double>(scalars[info.id]);
    }
  }

  // Every scalar that the trace has: PyTorch's example computes no accuracy. One number of
  // PyTorch's may lie next to float64's by luck, so all of them together are its measure, by their
  // size.
  void compare_scalars() {
    double worst = 0;  // of PyTorch's, relative
    std::map<std::string, Values> twins;
    for (const auto& [name, series] : scalars_) {
      const std::string of_trace = prefix_ + "scalars." + name;
      if (trace_.find(of_trace) == nullptr) continue;
      const Values& twin = twins[name] = recorded(prefix_ + "twin.scalars." + name);
      const double size = std::max(size_of(twin), 1e-300);
      worst = std::max(worst, distance(recorded(of_trace), twin).max_abs / size);
    }
    for (const auto& [name, twin] : twins) {
      const double size = size_of(twin);
      report_.comparisons.push_back(
          judged(prefix_ + "scalars." + name, distance(scalars_.at(name), twin),
                 TraceMeasure::absolute, bound(worst * size, size, bounds_.absolute)));
    }
  }

  const Context& context_;
  const SafetensorsFile& trace_;
  std::string prefix_;
  TraceInputs inputs_;
  RecordedOptimizer optimizer_;
  bool rounded_;
  TraceBounds bounds_;
  LocalCommunicator communicator_;
  TrainingEngine engine_;
  TraceSource source_;
  std::array<Side, 2> sides_;
  std::map<std::string, Values> scalars_;
  TraceReport report_;
};

}  // namespace

bool is_update_trace(const SafetensorsFile& trace, const std::string& prefix) {
  return std::any_of(
      trace.entries().begin(), trace.entries().end(),
      [&](const SafetensorsEntry& entry) { return entry.name.starts_with(prefix + "state1."); });
}

TraceReport replay_updates(const Context& context, const SafetensorsFile& trace,
                           const TrainingConfig& config, const std::string& prefix,
                           const TraceBounds& bounds) {
  return UpdateReplay(context, trace, config, prefix, bounds).run();
}

}  // namespace dcgan

// Traces of updates, recorded here from this engine in PyTorch's place: equal programs pass on
// every device, and each kind of wrong program fails. scripts/record_trace.py records the real ones
// (tests/scripts/with_build/proof_test.py).
#include "models/parity/update_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "models/parity/optimizer_formula.h"
#include "models/parity/trace_inputs.h"
#include "models/training/engine.h"
#include "runtime/comm/local_communicator.h"
#include "tests/models/support.h"

namespace dcgan::test {
namespace {

constexpr std::int64_t kSteps = 2;

using Tensors = std::map<std::string, HostTensor>;
using Metadata = std::map<std::string, std::string>;

RunOptions trace_options(std::int64_t d_steps = 1) {
  RunOptions options = tiny_options();
  options.d_steps = d_steps;
  return options;
}

TrainingConfig config_of(const RunOptions& options) { return run_config(options).training; }

Metadata metadata_of(const RunOptions& o) {
  return {{"optimizer", std::string(enum_name(o.optimizer))},
          {"lr", fmt::format("{}", o.lr)},
          {"beta1", fmt::format("{}", o.beta1)},
          {"beta2", fmt::format("{}", o.beta2)},
          {"alpha", fmt::format("{}", o.alpha)},
          {"epsilon", fmt::format("{}", o.epsilon)},
          {"weight-clip", fmt::format("{}", o.weight_clip)}};
}

void write(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata) {
  std::vector<SafetensorsItem> items;
  for (const auto& [name, tensor] : tensors) items.push_back({name, tensor.view()});
  write_safetensors(path, items, metadata);
}

HostTensor noise_of(Shape shape, double scale) {
  HostTensor tensor(shape, DType::f32);
  std::uint32_t state = 12345;
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    state = state * 1664525u + 1013904223u;
    tensor.view().as<float>()[i] =
        static_cast<float>(scale * (static_cast<double>(state >> 8) / 0x1p23 - 1.0));
  }
  return tensor;
}

/// Records a run as record_trace.py does; the twin is the run itself.
class Recorder {
 public:
  Recorder(const std::filesystem::path& inputs, const RunOptions& options)
      : context_(Device{}),
        options_(options),
        file_(written_inputs(inputs)),
        trace_inputs_(file_, config_of(options), ""),
        source_(trace_inputs_),
        engine_(context_, communicator_, config_of(options)) {
    engine_.set_images(source_);
    engine_.set_latents(source_);
  }

  Tensors run() {
    std::int64_t update = 0;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      engine_.begin_step();
      for (std::int64_t i = 0; i < options_.d_steps; ++i) {
        state(++update);
        engine_.update_discriminator(i);
        gradients(update, "D", engine_.discriminator());
        if (i + 1 == options_.d_steps) {
          engine_.update_generator();
          gradients(update, "G", engine_.generator());
        }
        twin_statistics(update);
      }
      engine_.end_step();
      scalars(step);
    }
    state(update + 1);
    return std::move(tensors_);
  }

 private:
  SafetensorsFile written_inputs(const std::filesystem::path& path) {
    const std::int64_t updates = kSteps * options_.d_steps;
    tensors_["real"] = noise_of({updates, options_.batch_size, 1, 32, 32}, 1.0);
    tensors_["noise"] = noise_of({updates, options_.batch_size, options_.nz, 1, 1}, 1.7);
    Tensors inputs = tensors_;
    inputs[fmt::format("state{}.end", updates + 1)] = HostTensor({1}, DType::f32);
    write(path, inputs, {});
    return SafetensorsFile(path);
  }
  void keep(std::vector<NamedTensor> tensors) {
    for (NamedTensor& one : tensors) tensors_[one.name] = std::move(one.tensor);
  }
  void state(std::int64_t update) {
    for (const auto& [letter, network] :
         {std::pair{"G", &engine_.generator()}, {"D", &engine_.discriminator()}}) {
      const std::string moments = fmt::format("moments{}.{}.", update, letter);
      const bool adam = options_.optimizer == OptimizerKind::adam;
      keep(state_dict(context_, *network, fmt::format("state{}.{}.", update, letter)));
      if (adam) {
        keep(parameter_tensors(context_, *network, ParameterArray::first_moment, moments,
                               ".exp_avg"));
      }
      keep(parameter_tensors(context_, *network, ParameterArray::second_moment, moments,
                             adam ? ".exp_avg_sq" : ".square_avg"));
    }
  }
  void gradients(std::int64_t update, const char* letter, const Network& network) {
    for (NamedTensor& one : parameter_tensors(context_, network, ParameterArray::gradients)) {
      const std::string name = fmt::format("{}.{}.{}", update, letter, one.name);
      tensors_["kinks" + name] = HostTensor({1}, DType::f32);
      tensors_["grad" + name] = one.tensor;
      tensors_["twin" + name] = std::move(one.tensor);
    }
  }
  void twin_statistics(std::int64_t update) {
    for (const auto& [letter, network] :
         {std::pair{"G", &engine_.generator()}, {"D", &engine_.discriminator()}}) {
      for (NamedTensor& one : state_dict(context_, *network)) {
        if (one.name.find(".running_") == std::string::npos) continue;
        tensors_[fmt::format("twin{}.{}.{}", update, letter, one.name)] = std::move(one.tensor);
      }
    }
  }
  void scalars(std::int64_t step) {
    const Scalars now = engine_.step().read_scalars(context_);
    for (const ScalarInfo& info : kScalars) {
      if (info.id == Scalar::accuracy) continue;
      for (const char* head : {"scalars.", "twin.scalars."}) {
        HostTensor& series = tensors_[head + std::string(info.name)];
        if (step == 0) series = HostTensor({kSteps}, DType::f32);
        series.view().as<float>()[step] = now[info.id];
      }
    }
  }

  Context context_;
  RunOptions options_;
  Tensors tensors_;
  SafetensorsFile file_;
  LocalCommunicator communicator_;
  TraceInputs trace_inputs_;
  TraceSource source_;
  TrainingEngine engine_;
};

struct Recorded {
  TemporaryFolder folder;
  RunOptions options;
  Tensors tensors;
  Metadata metadata;

  explicit Recorded(const RunOptions& with)
      : options(with),
        tensors(Recorder(folder / "inputs", with).run()),
        metadata(metadata_of(with)) {}

  TraceReport replayed(const RunOptions& by, Device device = {}) const {
    write(folder / "trace", tensors, metadata);
    const Context context(device);
    return replay_trace(context, SafetensorsFile(folder / "trace"), config_of(by), "");
  }
  /// By options that differ in one.
  TraceReport replayed_with(const std::string& name, const std::string& value) const {
    RunOptions other = options;
    set_option(other, name, value);
    return replayed(other);
  }
};

std::vector<std::string> failures(const TraceReport& report) {
  std::vector<std::string> names;
  for (const TraceComparison& one : report.comparisons) {
    if (!one.passed) names.push_back(fmt::format("{} {:.3g}", one.name, one.measured));
  }
  return names;
}

}  // namespace

TEST_CASE("a trace of updates replays on every device, also with several updates of D a step") {
  for (const std::int64_t d_steps : {1, 2}) {
    const Recorded trace(trace_options(d_steps));
    for (const Device device : devices_under_test()) {
      INFO(to_string(device) << ", d_steps " << d_steps);
      const TraceReport report = trace.replayed(trace.options, device);
      CHECK(report.steps == kSteps);
      CHECK(report.comparisons.size() > 100);
      CHECK(report.unknown.empty());
      CHECK(failures(report) == std::vector<std::string>{});
    }
  }
}

TEST_CASE("a trace of updates by RMSprop with clipped weights replays") {
  RunOptions options = trace_options();
  for (const auto& [name, value] : {std::pair{"loss", "wgan"},
                                    {"optimizer", "rmsprop"},
                                    {"weight-clip", "0.01"},
                                    {"lr", "5e-5"}}) {
    set_option(options, name, value);
  }
  const Recorded trace(options);
  CHECK(failures(trace.replayed(options)) == std::vector<std::string>{});
  CHECK_FALSE(trace.replayed_with("alpha", "0.98").passed());
  CHECK_FALSE(trace.replayed_with("weight-clip", "0.011").passed());
}

TEST_CASE("a trace of updates tells every wrong setting") {
  const Recorded trace(trace_options());
  const std::pair<const char*, const char*> wrong[] = {
      {"lr", "2.1e-4"},    {"lr-d", "1.9e-4"},  {"beta1", "0.51"},      {"beta2", "0.998"},
      {"epsilon", "2e-8"}, {"loss", "minimax"}, {"real-label", "0.95"}, {"fake-label", "0.05"}};
  for (const auto& [name, value] : wrong) {
    INFO(name << " " << value);
    CHECK_FALSE(trace.replayed_with(name, value).passed());
  }
}

TEST_CASE("a trace of updates tells a transposed kernel and statistics of another momentum") {
  const Recorded right(trace_options());
  Recorded trace(trace_options());
  const auto fails = [&](const std::string& name) {
    const std::vector<std::string> names = failures(trace.replayed(trace.options));
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& one) { return one.starts_with(name + " "); });
  };
  for (const char* of : {"grad1.D.main.2.weight", "twin1.D.main.2.weight"}) {
    float* weights = trace.tensors.at(of).view().as<float>();
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < i; ++j) std::swap(weights[4 * i + j], weights[4 * j + i]);
    }
  }
  CHECK(fails("grad1.D.main.2.weight"));  // one 4 x 4 kernel of 32

  for (const std::string of : {"D.main.3.running_mean", "G.main.1.running_var"}) {
    trace.tensors = right.tensors;
    const HostTensor& before = right.tensors.at("state1." + of);
    const HostTensor& after = right.tensors.at("state2." + of);
    for (const char* head : {"twin1.", "state2."}) {
      float* changed = trace.tensors.at(head + of).view().as<float>();
      for (std::int64_t i = 0; i < after.shape().elements(); ++i) {
        const float from = before.view().as<float>()[i];
        changed[i] = from + 1.01f * (after.view().as<float>()[i] - from);  // momentum 0.101
      }
    }
    CHECK(fails("state2." + of));
  }
}

TEST_CASE("kinks and PyTorch's own distance widen a gradient's bound, nothing else does") {
  Recorded trace(trace_options());
  const std::string name = "1.D.main.2.weight";
  const auto shifted = [&](double by) {
    HostTensor twin = trace.tensors.at("grad" + name);
    double norm = 0;
    for (std::int64_t i = 0; i < twin.shape().elements(); ++i) {
      norm += std::pow(static_cast<double>(twin.view().as<float>()[i]), 2);
    }
    twin.view().as<float>()[0] += static_cast<float>(by * std::sqrt(norm));
    return twin;
  };
  trace.tensors["twin" + name] = shifted(1e-5);  // so PyTorch's float32 is 1e-5 away, as ours
  CHECK(trace.replayed(trace.options).passed());
  trace.tensors["grad" + name] = shifted(1e-5);  // now it is there, and we are not
  CHECK_FALSE(trace.replayed(trace.options).passed());
  trace.tensors["kinks" + name].view().as<float>()[0] = 6e-6f;
  const std::vector<std::string> left = failures(trace.replayed(trace.options));
  for (const std::string& one : left) CHECK(one.find("of PyTorch") != std::string::npos);
}

TEST_CASE("a trace of updates whose metadata say nothing or no number is refused") {
  Recorded trace(trace_options());
  trace.metadata.erase("beta2");
  DCGAN_CHECK_FAILS(trace.replayed(trace.options), ErrorKind::bad_data, "beta2");
  trace.metadata["beta2"] = "0.999x";
  DCGAN_CHECK_FAILS(trace.replayed(trace.options), ErrorKind::bad_data, "beta2 is no number");
  trace.metadata["beta2"] = "0.999";
  trace.metadata["optimizer"] = "sgd";
  DCGAN_CHECK_FAILS(trace.replayed(trace.options), ErrorKind::bad_data, "neither adam");
}

}  // namespace dcgan::test

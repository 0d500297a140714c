#include "models/parity/trace_replay.h"

#include <fmt/format.h>

#include <cmath>

#include "models/networks/state_dict.h"
#include "models/parity/probe.h"
#include "models/training/engine.h"
#include "runtime/comm/local_communicator.h"

namespace dcgan {
namespace {

using Computed = std::map<std::string, HostTensor>;

TrainingConfig config_for(const TraceInputs& inputs, TrainingConfig config) {
  config.batch = inputs.batch();
  config.real_labels = inputs.has_labels() ? RealLabels::per_image : RealLabels::constant;
  return config;
}

class Replay {
 public:
  Replay(const Context& context, const TraceInputs& inputs, const TrainingConfig& config)
      : context_(context),
        inputs_(inputs),
        engine_(context, communicator_, config_for(inputs, config)),
        source_(inputs) {
    engine_.set_images(source_);
    engine_.set_latents(source_);
    load_state_dict(context, inputs.file(), engine_.generator(), inputs.initial("G"));
    load_state_dict(context, inputs.file(), engine_.discriminator(), inputs.initial("D"));
  }

  Computed run() {
    if (!inputs_.steps_of("act").empty()) {
      record_activations(engine_.generator(), inputs_.noise(0), "act1.G.");
      record_activations(engine_.discriminator(), inputs_.real(0), "act1.Dreal.");
    }
    for (std::int64_t k = 1; k <= inputs_.steps(); ++k) run_step(k);
    return std::move(computed_);
  }

  std::vector<std::string> notes() {
    const StepPasses passes = engine_.step().passes();
    std::vector<std::string> notes;
    add_notes("G", engine_.generator(), passes.generating, notes);
    add_notes("D both", engine_.discriminator(), passes.on_both, notes);
    add_notes("D fake", engine_.discriminator(), passes.on_fake, notes);
    return notes;
  }

 private:
  void run_step(std::int64_t k) {
    engine_.begin_step();
    for (std::int64_t i = 0; i < engine_.config().discriminator_steps; ++i) {
      engine_.update_discriminator(i);
      if (k == 1 && i == 0) record_gradients(engine_.discriminator(), "grad1.D.");
    }
    engine_.update_generator();
    engine_.end_step();
    if (k == 1) record_gradients(engine_.generator(), "grad1.G.");
    record_scalars(k);
    record_state(k);
    if (inputs_.has(fmt::format("eval{}.noise", k))) record_evaluation(k);
  }

  void record_gradients(const Network& network, const std::string& prefix) {
    record(parameter_tensors(context_, network, ParameterArray::gradients, prefix));
  }

  void record(std::vector<NamedTensor> tensors) {
    for (NamedTensor& named : tensors) computed_[named.name] = std::move(named.tensor);
  }

  // Every scalar but the accuracy, which PyTorch's example does not compute.
  void record_scalars(std::int64_t k) {
    const Scalars scalars = engine_.step().read_scalars(context_);
    for (const ScalarInfo& info : kScalars) {
      if (info.id == Scalar::accuracy) continue;
      HostTensor& series = computed_[fmt::format("scalars.{}", info.name)];
      if (k == 1) series = HostTensor({inputs_.steps()}, DType::f32);
      series.view().as<float>()[k - 1] = scalars[info.id];
    }
  }

  // States after the steps that the trace has, and the moments likewise.
  void record_state(std::int64_t k) {
    if (inputs_.steps_of("step").contains(k)) {
      record(state_dict(context_, engine_.generator(), fmt::format("step{}.G.", k)));
      record(state_dict(context_, engine_.discriminator(), fmt::format("step{}.D.", k)));
    }
    const bool adam = engine_.config().generator.kind == OptimizerKind::adam;
    const std::string kind = adam ? "adam" : "rmsprop";
    if (!inputs_.steps_of(kind).contains(k)) return;
    for (const auto& [letter, network] :
         {std::pair{"G", &engine_.generator()}, {"D", &engine_.discriminator()}}) {
      const std::string prefix = fmt::format("{}{}.{}.", kind, k, letter);
      if (adam) {
        record(parameter_tensors(context_, *network, ParameterArray::first_moment, prefix,
                                 ".exp_avg"));
      }
      record(parameter_tensors(context_, *network, ParameterArray::second_moment, prefix,
                               adam ? ".exp_avg_sq" : ".square_avg"));
    }
  }

  // A step's plans in which an algorithm was not taken although it came before.
  static void add_notes(const char* pass, const Network& network, const Activations& activations,
                        std::vector<std::string>& notes) {
    for (std::size_t i = 0; i < network.blocks().size(); ++i) {
      const std::string plan = activations.blocks()[i].plan->describe();
      if (plan.find("passed over") == std::string::npos) continue;
      notes.push_back(fmt::format("{} {}: {}", pass, network.blocks()[i].conv_name, plan));
    }
  }

  // Every module's output: convolution, norm, activation. A fused pass has no place for the norm's
  // own output, so it is made again from the convolution's.
  void record_activations(const Network& network, const HostTensor& input,
                          const std::string& prefix) {
    Probe probe(context_, network, input, engine_.config());
    probe.forward(Pass::train);
    const auto keep = [&](const std::string& name, const TensorView& tensor) {
      computed_[prefix + name] = to_pytorch_layout(download_converted(context_, tensor));
    };
    for (std::size_t i = 0; i < network.blocks().size(); ++i) {
      const BlockSpec& spec = network.blocks()[i];
      const Activations::Block& block = probe.activations().blocks()[i];
      keep(spec.activation_name, block.output);
      HostTensor& activated = computed_[prefix + spec.activation_name];
      if (spec.norm == Norm::batch) {
        keep(spec.conv_name, block.conv_output);
        keep(spec.norm_name, probe.norm_output(i));
      } else if (spec.activation.kind == Activation::none) {
        keep(spec.conv_name, block.output);
        apply_sigmoid(activated);
      } else {
        computed_[prefix + spec.conv_name] = before_activation(activated, spec.activation);
      }
    }
  }

  static void apply_sigmoid(HostTensor& tensor) {
    float* values = tensor.view().as<float>();
    for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) {
      values[i] = 1.0f / (1.0f + std::exp(-values[i]));
    }
  }

  // A fused convolution keeps its output behind the activation; both used here can be undone.
  static HostTensor before_activation(const HostTensor& after, const ActivationSpec& activation) {
    HostTensor before = after;
    float* values = before.view().as<float>();
    for (std::int64_t i = 0; i < before.shape().elements(); ++i) {
      if (activation.kind == Activation::tanh) {
        values[i] = std::atanh(values[i]);
      } else if (values[i] < 0) {
        values[i] /= activation.negative_slope;
      }
    }
    return before;
  }

  // Inference, and the generator in training mode, on copies, so that the training goes on as if
  // nothing had been asked.
  void record_evaluation(std::int64_t k) {
    const std::string prefix = fmt::format("eval{}.", k);
    const HostTensor noise = inputs_.read(prefix + "noise");
    const HostTensor real = inputs_.real(0);
    computed_[prefix + "noise"] = noise;
    computed_[prefix + "fake_eval"] = outputs_of(engine_.generator(), noise, Pass::eval);
    computed_[prefix + "fake_train"] = outputs_of(engine_.generator(), noise, Pass::train);
    HostTensor logits = outputs_of(engine_.discriminator(), real, Pass::eval);
    const LossKind loss = engine_.config().loss.kind;
    const bool probabilities = loss == LossKind::minimax || loss == LossKind::non_saturating;
    if (probabilities) apply_sigmoid(logits);
    computed_[prefix + "D_eval_of_real0"] = std::move(logits);
  }

  HostTensor outputs_of(const Network& trained, const HostTensor& input, Pass pass) {
    Probe probe(context_, trained, input, engine_.config());
    probe.forward(pass);
    return to_pytorch_layout(download_converted(context_, probe.activations().output()));
  }

  const Context& context_;
  const TraceInputs& inputs_;
  LocalCommunicator communicator_;
  TrainingEngine engine_;
  TraceSource source_;
  Computed computed_;
};

}  // namespace

TraceRun run_trace(const Context& context, const TraceInputs& inputs,
                   const TrainingConfig& config) {
  Replay replay(context, inputs, config);
  Computed computed = replay.run();
  return {std::move(computed), replay.notes()};
}

}  // namespace dcgan

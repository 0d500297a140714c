#include "models/parity/trace_replay.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "kernels/elementwise/convert.h"
#include "kernels/norm/batch_norm.h"
#include "models/training/engine.h"

namespace dcgan {
namespace {

using Computed = std::map<std::string, HostTensor>;

// Float32 values of the host into a device tensor of the step's type.
void put(const Context& context, const HostTensor& from, const TensorView& to) {
  const Context host(Device{});
  if (to.dtype == DType::f32) return upload(context, from.view().reshaped(to.shape), to);
  HostTensor narrow(to.shape, to.dtype);
  convert_type(host, from.view().reshaped(to.shape), narrow.view());
  upload(context, narrow.view(), to);
}

HostTensor fetch(const Context& context, const TensorView& from) {
  HostTensor raw(from.shape, from.dtype);
  download(context, from, raw.view());
  if (from.dtype == DType::f32) return raw;
  HostTensor wide(from.shape, DType::f32);
  convert_type(Context(Device{}), raw.view(), wide.view());
  return wide;
}

// A pass of a copy of a network, so that the run itself does not notice; every activation is kept.
class Probe {
 public:
  Probe(const Context& context, const Network& network, const HostTensor& input,
        const StepConfig& config)
      : context_(context), network_(context, network.blocks()) {
    const DType dtype = config.dtype;
    if (dtype == DType::bf16) network_.parameters().make_low_precision(context);
    network_.parameters().copy_from(context, network.parameters(), ParameterArray::values);
    PassOptions options;
    options.name = "probe";
    options.input = input_shape(input);
    options.stages = {0, 1000};  // a backward pass is foreseen, so everything stays
    options.dtype = dtype;
    options.convolutions = config.convolutions;
    MemoryPlan plan;
    activations_.emplace(context, network_.blocks(), plan, options);
    const SlotId input_slot = plan.add("input", options.input, dtype);
    const SlotId workspace = plan.add(
        "workspace", {static_cast<std::int64_t>(activations_->workspace_bytes())}, DType::u8);
    plan.assign();
    arena_ = Arena(context, plan);
    activations_->bind(arena_, {arena_.view(input_slot), {}, {}, arena_.view(workspace)});
    put(context, input, arena_.view(input_slot));
  }

  void forward(Pass pass) { network_.forward(context_, *activations_, pass); }
  const Activations& activations() const { return *activations_; }

  /// The output of a block's norm without its activation; replaces the block's output.
  TensorView norm_output(std::size_t index) {
    Activations::Block& block = activations_->blocks()[index];
    const std::size_t parameter = network_.parameter_index(index);
    const Parameters& parameters = network_.parameters();
    const RunningInfo& running = parameters.running_infos()[(parameter - index) / 2];
    batch_norm_train_forward(context_, block.conv_output,
                             {parameters.view(ParameterArray::values, parameter + 1),
                              parameters.view(ParameterArray::values, parameter + 2)},
                             {parameters.running(running.mean), parameters.running(running.var),
                              parameters.running(running.batches_tracked)},
                             block.output, {block.saved_mean, block.saved_invstd},
                             activations_->norm_scratch(), {});
    return block.output;
  }

 private:
  // Images (N, H, W, C) as they are; latent vectors of any rank as (N, 1, 1, nz).
  Shape input_shape(const HostTensor& input) const {
    const Shape& shape = input.shape();
    const std::int64_t channels = network_.blocks().front().conv.in_channels;
    if (shape.rank() == 4 && shape[3] == channels) return shape;
    return {shape[0], 1, 1, shape.elements() / shape[0]};
  }

  const Context& context_;
  Network network_;
  std::optional<Activations> activations_;
  Arena arena_;
};

class Replay {
 public:
  Replay(const Context& context, const TraceInputs& inputs, const RunOptions& options)
      : context_(context),
        inputs_(inputs),
        options_(options),
        generator_(context, generator_blocks(model_config(options))),
        discriminator_(context, discriminator_blocks(model_config(options))),
        step_(context, generator_, discriminator_, config()) {
    load_state_dict(context, inputs.file(), generator_, inputs.initial("G"));
    load_state_dict(context, inputs.file(), discriminator_, inputs.initial("D"));
  }

  Computed run() {
    if (!inputs_.steps_of("act").empty()) {
      record_activations(generator_, inputs_.noise(0), "act1.G.");
      record_activations(discriminator_, inputs_.real(0), "act1.Dreal.");
    }
    for (std::int64_t k = 1; k <= inputs_.steps(); ++k) run_step(k);
    return std::move(computed_);
  }

 private:
  StepConfig config() const {
    StepConfig config = step_config(options_);
    config.batch = inputs_.batch();
    return config;
  }

  void run_step(std::int64_t k) {
    for (std::int64_t i = 0; i < options_.d_steps; ++i) {
      const std::int64_t update = (k - 1) * options_.d_steps + i;
      put(context_, inputs_.real(update), step_.real_images());
      put(context_, inputs_.noise(update), step_.latent());
      if (inputs_.has_labels()) put(context_, inputs_.labels(update), step_.real_labels());
      step_.update_discriminator(
          context_, inputs_.has_labels() ? RealLabels::per_image : RealLabels::constant);
      if (update == 0) {
        record(parameter_tensors(context_, discriminator_, ParameterArray::gradients, "grad1.D."));
      }
    }
    step_.update_generator(context_);
    if (k == 1) {
      record(parameter_tensors(context_, generator_, ParameterArray::gradients, "grad1.G."));
    }
    record_scalars(k);
    record_state(k);
    if (inputs_.has(fmt::format("eval{}.noise", k))) record_evaluation(k);
  }

  void record(std::vector<NamedTensor> tensors) {
    for (NamedTensor& named : tensors) computed_[named.name] = std::move(named.tensor);
  }

  void record_scalars(std::int64_t k) {
    const StepResults r = step_.read_results(context_);
    const auto set = [&](const char* name, float value) {
      HostTensor& series = computed_[std::string("scalars.") + name];
      if (k == 1) series = HostTensor({inputs_.steps()}, DType::f32);
      series.view().as<float>()[k - 1] = value;
    };
    set("errD_real", r.errD_real);
    set("errD_fake", r.errD_fake);
    set("errD", r.errD());
    set("errG", r.errG);
    set("D_x", r.D_x);
    set("D_G_z1", r.D_G_z1);
    set("D_G_z2", r.D_G_z2);
  }

  // States after the steps that the trace has, and the moments likewise.
  void record_state(std::int64_t k) {
    if (inputs_.steps_of("step").contains(k)) {
      record(state_dict(context_, generator_, fmt::format("step{}.G.", k)));
      record(state_dict(context_, discriminator_, fmt::format("step{}.D.", k)));
    }
    const bool adam = options_.optimizer == OptimizerKind::adam;
    const std::string kind = adam ? "adam" : "rmsprop";
    if (!inputs_.steps_of(kind).contains(k)) return;
    for (const auto& [letter, network] : {std::pair{"G", &generator_}, {"D", &discriminator_}}) {
      const std::string prefix = fmt::format("{}{}.{}.", kind, k, letter);
      if (adam) {
        record(parameter_tensors(context_, *network, ParameterArray::first_moment, prefix,
                                 ".exp_avg"));
      }
      record(parameter_tensors(context_, *network, ParameterArray::second_moment, prefix,
                               adam ? ".exp_avg_sq" : ".square_avg"));
    }
  }

  // Every module's output: convolution, norm, activation. A fused pass has no place for the norm's
  // own output, so it is made again from the convolution's.
  void record_activations(const Network& network, const HostTensor& input,
                          const std::string& prefix) {
    Probe probe(context_, network, input, step_.config());
    probe.forward(Pass::train);
    const auto keep = [&](const std::string& name, const TensorView& tensor) {
      computed_[prefix + name] = to_pytorch_layout(fetch(context_, tensor));
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

  // Inference, and the generator in training mode, on copies: the run itself must not notice.
  void record_evaluation(std::int64_t k) {
    const std::string prefix = fmt::format("eval{}.", k);
    const HostTensor noise = inputs_.read(prefix + "noise");
    const HostTensor real = inputs_.real(0);
    computed_[prefix + "noise"] = noise;
    computed_[prefix + "fake_eval"] = outputs_of(generator_, noise, Pass::eval);
    computed_[prefix + "fake_train"] = outputs_of(generator_, noise, Pass::train);
    HostTensor logits = outputs_of(discriminator_, real, Pass::eval);
    const bool probabilities =
        options_.loss == LossKind::minimax || options_.loss == LossKind::non_saturating;
    if (probabilities) apply_sigmoid(logits);
    computed_[prefix + "D_eval_of_real0"] = std::move(logits);
  }

  HostTensor outputs_of(const Network& trained, const HostTensor& input, Pass pass) {
    Probe probe(context_, trained, input, step_.config());
    probe.forward(pass);
    return to_pytorch_layout(fetch(context_, probe.activations().output()));
  }

  const Context& context_;
  const TraceInputs& inputs_;
  const RunOptions& options_;
  Network generator_;
  Network discriminator_;
  AdversarialStep step_;
  Computed computed_;
};

}  // namespace

Computed run_trace(const Context& context, const TraceInputs& inputs, const RunOptions& options) {
  return Replay(context, inputs, options).run();
}

}  // namespace dcgan

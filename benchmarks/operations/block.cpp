// Blocks as a step computes them: convolution, norm and activation, call by call.
#include "kernels/block/block.h"

#include <algorithm>

#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "tests/reference/block.h"

namespace dcgan::benchmarks {
namespace {

constexpr double kWeightSigma = 0.02;  // as networks are initialised
constexpr double kNormFlops = 17;      // of one value, in the two passes of batch norm's backward
// backward_apply overwrites the gradient that it reads. For it to be called again and again, every
// activation's derivative is 1: an output of this (slopes of positive values, 1 - y^2), and a bias
// far above the norm's deviation.
constexpr double kNeutralOutput = 1e-20;
constexpr double kNeutralBias = 8;

BlockConfig config_of(const Session& session, const Layer& layer) {
  const Settings& settings = session.settings();
  const ConvTuning tuning = settings.tunings.empty() ? ConvTuning::off : settings.tunings.back();
  return {layer.block.conv,       layer.block.norm,
          layer.block.activation, layer.input,
          layer.norm_groups,      settings.dtype(),
          /*passes=*/{},          {settings.precision == Precision::tf32, tuning}};
}

reference::BatchNormState initial_state(std::int64_t channels) {
  reference::BatchNormState state{reference::random_values({channels}, 10, DType::f32, 1.0, 0.02),
                                  Values({channels}), Values({channels}), Values({channels})};
  for (double& var : state.running_var.v) var = 1;
  return state;
}

/// A plan and the tensors of both passes; input, weights and doutput are the caller's to give.
struct BlockTensors {
  BlockConfig config;
  std::unique_ptr<BlockPlan> plan;
  DeviceTensor input, weights, doutput;
  DeviceTensor conv_output, output, dinput, dweights;
  DeviceTensor norm_weight, norm_bias, running_mean, running_var, tracked, mean, invstd;
  DeviceTensor dnorm_weight, dnorm_bias;
  DeviceTensor workspace, weights_workspace;

  BlockTensors(const Context& context, const BlockConfig& with,
               const reference::BatchNormState& state)
      : config(with),
        plan(plan_block(context, with)),
        conv_output(context, with.output(), with.dtype),
        output(context, with.output(), with.dtype),
        dinput(context, with.input, with.dtype),
        dweights(context, with.conv.weight_shape(), DType::f32),
        norm_weight(context, state.weight, DType::f32),
        norm_bias(context, state.bias, DType::f32),
        running_mean(context, state.running_mean, DType::f32),
        running_var(context, state.running_var, DType::f32),
        tracked(context, {1}, DType::i64),
        mean(context, {with.norm_groups, with.conv.out_channels}, DType::f32),
        invstd(context, {with.norm_groups, with.conv.out_channels}, DType::f32),
        dnorm_weight(context, {with.conv.out_channels}, DType::f32),
        dnorm_bias(context, {with.conv.out_channels}, DType::f32),
        workspace(
            context,
            {static_cast<std::int64_t>(std::max(plan->workspace_bytes(ConvPass::forward),
                                                plan->workspace_bytes(ConvPass::backward_data)))},
            DType::u8),
        weights_workspace(
            context, {static_cast<std::int64_t>(plan->workspace_bytes(ConvPass::backward_weights))},
            DType::u8) {}

  bool has_norm() const { return config.norm == Norm::batch; }
  BlockForward forward_tensors() const {
    BlockForward tensors;
    tensors.input = input.view();
    tensors.weights = weights.view();
    tensors.norm = {norm_weight.view(), norm_bias.view()};
    tensors.running = {running_mean.view(), running_var.view(), tracked.view()};
    tensors.saved = {mean.view(), invstd.view()};
    tensors.conv_output = conv_output.view();
    tensors.output = output.view();
    tensors.workspace = workspace.view();
    return tensors;
  }
  BlockBackward backward_tensors(const DeviceTensor& scratch) const {
    BlockBackward tensors;
    tensors.input = input.view();
    tensors.weights = weights.view();
    tensors.norm = {norm_weight.view(), norm_bias.view()};
    tensors.saved = {mean.view(), invstd.view()};
    tensors.conv_output = conv_output.view();
    tensors.output = output.view();
    tensors.doutput = doutput.view();
    tensors.dinput = dinput.view();
    tensors.dweights = dweights.view();
    tensors.dnorm_weight = dnorm_weight.view();
    tensors.dnorm_bias = dnorm_bias.view();
    tensors.workspace = scratch.view();
    return tensors;
  }

  void forward(const Context& context) const {
    plan->convolve(context, forward_tensors());
    plan->normalise(context, forward_tensors());
  }
  void backward_apply(const Context& context) const {
    plan->backward_sums(context, backward_tensors(workspace));
    plan->backward_apply(context, backward_tensors(workspace));
  }
  void backward_data(const Context& context) const {
    plan->backward_data(context, backward_tensors(workspace));
  }
  void backward_weights(const Context& context) const {
    plan->backward_weights(context, backward_tensors(weights_workspace));
  }
};

/// Later steps from what the earlier ones have stored, as each is rounded.
void check_block(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const BlockConfig config = config_of(session, layer);
  const ConvSpec& spec = config.conv;
  const Values input = reference::random_values(config.input, 1, config.dtype);
  const Values weights = reference::random_values(spec.weight_shape(), 2, config.dtype, 0.0, 0.2);
  const Values doutput = reference::random_values(config.output(), 3, config.dtype);
  const reference::BatchNormState state = initial_state(spec.out_channels);
  BlockTensors on(context, config, state);
  on.input = DeviceTensor(context, input, config.dtype);
  on.weights = DeviceTensor(context, weights, config.dtype);
  on.doutput = DeviceTensor(context, doutput, config.dtype);
  on.forward(context);
  const auto bound = [&](std::int64_t terms) {
    return 4 * rounding_bound(session.settings().precision, terms);
  };
  const std::int64_t window = std::int64_t{spec.kernel} * spec.kernel;
  const std::int64_t rows = config.output().elements() / spec.out_channels;
  reference::BatchNormState moved = state;
  reference::Block forward =
      reference::block_after_convolution(config, reference::conv(spec, input, weights), moved);
  if (on.has_norm()) {
    session.compare(layer.name + " convolve", on.conv_output.read(context), forward.conv_output,
                    bound(window * spec.in_channels));
    moved = state;
    forward = reference::block_after_convolution(config, on.conv_output.read(context), moved);
  }
  session.compare(layer.name + " forward", on.output.read(context), forward.output,
                  bound(window * spec.in_channels));
  forward.output = on.output.read(context);
  on.backward_apply(context);
  on.backward_weights(context);
  on.backward_data(context);
  const auto gradients =
      reference::block_gradients(config, input, weights, state, forward, doutput);
  session.compare(layer.name + " backward_data", on.dinput.read(context), gradients.dinput,
                  bound(window * spec.out_channels));
  session.compare(layer.name + " backward_weights", on.dweights.read(context), gradients.dweights,
                  bound(std::max(rows, config.input.elements() / spec.in_channels)));
  if (!on.has_norm()) return;
  session.compare(layer.name + " norm weight", on.dnorm_weight.read(context),
                  gradients.dnorm_weight, 4 * rounding_bound(Precision::fp32, rows));
}

void check(Session& session) {
  for (const Layer& layer : step_layers(session.settings().model, session.settings().batch)) {
    if (layer.weight_gradient > 0) check_block(session, reduced(layer));  // D fake: as D both
  }
}

/// After a forward pass: with weight * invstd = 1 and no mask, taking the two means away once more
/// changes nothing.
void make_repeatable(const Context& context, BlockTensors& on) {
  on.output = DeviceTensor::constant(context, on.config.output(), on.config.dtype, kNeutralOutput);
  if (!on.has_norm()) return;
  Values weight = on.norm_weight.read(context);
  const Values invstd = on.invstd.read(context);
  for (std::int64_t c = 0; c < weight.elements(); ++c) weight[c] = 1 / invstd[c];
  on.norm_weight = DeviceTensor(context, weight, DType::f32);
  on.norm_bias = DeviceTensor::constant(context, weight.shape, DType::f32, kNeutralBias);
}

void time_block(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const BlockConfig config = config_of(session, layer);
  BlockTensors on(context, config, initial_state(config.conv.out_channels));
  on.input = DeviceTensor::random(context, config.input, config.dtype);
  on.weights =
      DeviceTensor::random(context, config.conv.weight_shape(), config.dtype, kWeightSigma);
  on.doutput = DeviceTensor::random(context, config.output(), config.dtype);
  on.forward(context);
  make_repeatable(context, on);  // until the next forward pass
  // FLOPs of the passes with a product are the convolution's: those of a norm are few.
  const double products = 2.0 * static_cast<double>(config.conv.multiply_accumulates(config.input));
  const auto input = static_cast<double>(on.input.view().bytes());
  const auto output = static_cast<double>(on.output.view().bytes());
  const auto weights = static_cast<double>(on.weights.view().bytes());
  const auto values = static_cast<double>(on.output.view().elements());
  const auto dweights = static_cast<double>(on.dweights.view().bytes());
  const auto call = [&](const char* name, double flops, double bytes, int per_step) {
    return Call{layer.name + " " + name, config.input, flops, bytes, per_step, "",
                on.plan->describe()};
  };
  session.time(
      call("backward_apply", (on.has_norm() ? kNormFlops : 1) * values,
           (on.has_norm() ? 5 : 3) * output, std::max(layer.data_gradient, layer.weight_gradient)),
      [&] { on.backward_apply(context); });
  session.time(call("backward_data", products, output + weights + input, layer.data_gradient),
               [&] { on.backward_data(context); });
  session.time(call("backward_weights", products, output + input + dweights, layer.weight_gradient),
               [&] { on.backward_weights(context); });
  const double normalised = on.has_norm() ? 3 * output : 0;  // read twice, written once
  session.time(call("forward", products, input + weights + output + normalised, layer.forward),
               [&] { on.forward(context); });
  session.time(call("infer", products, input + weights + output + (on.has_norm() ? 2 : 0) * output,
                    /*per_step=*/0),
               [&] { on.plan->infer(context, on.forward_tensors()); });
}

void time(Session& session) {
  for (const Layer& layer : step_layers(session.settings().model, session.settings().batch)) {
    time_block(session, layer);
  }
}

}  // namespace

Operation block_operation() {
  return {"block",
          {"kernels/block/block.h"},
          "convolution, batch norm and activation together: forward, inference and gradients",
          check,
          time};
}

}  // namespace dcgan::benchmarks

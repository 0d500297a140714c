// Blocks as a step computes them: convolution, norm and activation, call by call.
#include <algorithm>

#include "benchmarks/device_tensor.h"
#include "benchmarks/layers.h"
#include "benchmarks/operations/operations.h"
#include "kernels/block/fold.h"
#include "tests/cases/block.h"

namespace dcgan::benchmarks {
namespace {

constexpr double kWeightSigma = 0.02;  // as networks are initialised
constexpr double kNormFlops = 17;      // of one value, in the two passes of batch norm's backward
// backward_apply overwrites the gradient that it reads. For it to be called again and again, every
// activation's derivative is 1: an output of this (slopes of positive values, 1 - y^2), and a bias
// far above the norm's deviation.
constexpr double kNeutralOutput = 1e-20;
constexpr double kNeutralBias = 8;

ConvPolicy policy_of(const Settings& settings) {
  return conv_policy(settings.precision,
                     settings.tunings.empty() ? ConvTuning::off : settings.tunings.back());
}

BlockConfig config_of(const Session& session, const Layer& layer) {
  const Settings& settings = session.settings();
  return {layer.block.conv, layer.block.norm,   layer.block.activation,
          layer.input,      layer.norm_groups,  settings.dtype(),
          /*passes=*/{},    policy_of(settings)};
}

void check_block(Session& session, const BlockConfig& config, const std::string& where) {
  const auto plan = plan_block(session.context(), config);
  const test::Report report = session.report(where);
  test::check_block_training(session.context(), config, *plan, report);
  test::check_block_inference(session.context(), config, *plan, report);
}

/// The cases of tests/cases, then the layers of this network.
void check(Session& session) {
  const Settings& settings = session.settings();
  for (const test::BlockCase& one : test::block_cases()) {
    BlockConfig config = one.config(settings.dtype());
    config.policy = conv_policy(settings.precision, ConvTuning::off);
    check_block(session, config, to_string(one));
  }
  for (const Layer& layer : step_layers(settings.model, settings.batch)) {
    if (layer.weight_gradient == 0) continue;  // D fake: as D both
    check_block(session, config_of(session, reduced(layer)), layer.name);
  }
}

/// After a forward pass: with weight * invstd = 1 and derivatives of 1, backward_apply subtracts
/// two means, and doing so again changes nothing.
void make_repeatable(const Context& context, const test::BlockOnDevice& on) {
  fill_constant(context, on.output.view(), kNeutralOutput);
  if (!on.has_norm()) return;
  Values weight = on.norm_weight.read();
  const Values invstd = on.invstd.read();
  for (std::int64_t c = 0; c < weight.elements(); ++c) weight[c] = 1 / invstd[c];
  on.norm_weight.write(weight);
  fill_constant(context, on.norm_bias.view(), kNeutralBias);
}

/// Bytes and FLOPs of one layer. FLOPs of the passes with a product are the convolution's: those of
/// a norm are few.
struct Costs {
  double products, input, output, weights, dweights;

  explicit Costs(const test::BlockOnDevice& on)
      : products(2.0 * static_cast<double>(on.config.conv.multiply_accumulates(on.config.input))),
        input(static_cast<double>(on.input.view().bytes())),
        output(static_cast<double>(on.output.view().bytes())),
        weights(static_cast<double>(on.weights.view().bytes())),
        dweights(static_cast<double>(on.dweights.view().bytes())) {}
};

Call call_of(const Layer& layer, const test::BlockOnDevice& on, const char* name, double flops,
             double bytes, int per_step) {
  return {layer.name + " " + name, on.config.input, flops, bytes, per_step, "", on.plan.describe()};
}

/// Without a norm backward_apply may have nothing to do, as the plan may apply the derivative in
/// the passes behind it: it is timed with the pass that the step computes as often.
void time_backward(Session& session, const Layer& layer, const test::BlockOnDevice& on) {
  const Context& context = session.context();
  const Costs costs(on);
  const BlockBackward data = on.backward_tensors();
  BlockBackward weights = data;
  weights.workspace = on.weights_scratch.view();
  const auto apply = [&] {
    on.plan.backward_sums(context, data);
    on.plan.backward_apply(context, data);
  };
  if (on.has_norm()) {
    const auto values = static_cast<double>(on.output.view().elements());
    session.time(call_of(layer, on, "backward_apply", kNormFlops * values, 5 * costs.output,
                         std::max(layer.data_gradient, layer.weight_gradient)),
                 apply);
  }
  const bool apply_with_data = !on.has_norm() && layer.data_gradient >= layer.weight_gradient;
  const bool apply_with_weights = !on.has_norm() && !apply_with_data;
  const bool activated = !on.has_norm() && on.config.activation.kind != Activation::none;
  const double doutput = (activated ? 2 : 1) * costs.output;  // with the output for the derivative
  session.time(call_of(layer, on, "backward_data", costs.products,
                       doutput + costs.weights + costs.input, layer.data_gradient),
               [&] {
                 if (apply_with_data) apply();
                 on.plan.backward_data(context, data);
               });
  session.time(call_of(layer, on, "backward_weights", costs.products,
                       doutput + costs.input + costs.dweights, layer.weight_gradient),
               [&] {
                 if (apply_with_weights) apply();
                 on.plan.backward_weights(context, weights);
               });
}

void time_forward(Session& session, const Layer& layer, const test::BlockOnDevice& on) {
  const Context& context = session.context();
  const Costs costs(on);
  const BlockForward forward = on.forward_tensors();
  const double bytes = costs.input + costs.weights + costs.output;
  const double norm = on.has_norm() ? 3 * costs.output : 0;  // read twice, written once
  session.time(call_of(layer, on, "forward", costs.products, bytes + norm, layer.forward), [&] {
    on.plan.convolve(context, forward);
    on.plan.normalise(context, forward);
  });
  const double apply = on.has_norm() ? 2 * costs.output : 0;
  session.time(call_of(layer, on, "infer", costs.products, bytes + apply, /*per_step=*/0),
               [&] { on.plan.infer(context, forward); });
}

/// Once each time that a generator's weights change.
void time_fold(Session& session, const Layer& layer, const test::BlockOnDevice& on) {
  if (!on.has_norm()) return;
  const Context& context = session.context();
  const Costs costs(on);
  const DeviceTensor master =
      DeviceTensor::random(context, on.config.conv.weight_shape(), DType::f32, kWeightSigma);
  const DeviceTensor bias(context, {on.channels}, DType::f32);
  const NormFold tensors{master.view(),
                         {on.norm_weight.view(), on.norm_bias.view()},
                         {on.running_mean.view(), on.running_var.view(), {}},
                         on.weights.view(),
                         bias.view()};
  const auto elements = static_cast<double>(master.view().elements());
  session.time(call_of(layer, on, "fold", elements,
                       static_cast<double>(master.view().bytes()) + costs.weights, /*per_step=*/0),
               [&] { fold_norm(context, on.config.conv, tensors); });
}

void time_block(Session& session, const Layer& layer) {
  const Context& context = session.context();
  const BlockConfig config = config_of(session, layer);
  const auto plan = plan_block(context, config);
  const test::BlockOnDevice on(context, config, *plan,
                               test::random_state(config.conv.out_channels));
  fill_random(context, on.input.view());
  fill_random(context, on.weights.view(), kWeightSigma);
  fill_random(context, on.doutput.view());
  plan->convolve(context, on.forward_tensors());
  plan->normalise(context, on.forward_tensors());
  make_repeatable(context, on);  // until the next forward pass
  time_backward(session, layer, on);
  time_forward(session, layer, on);
  time_fold(session, layer, on);
}

void time(Session& session) {
  for (const Layer& layer : step_layers(session.settings().model, session.settings().batch)) {
    time_block(session, layer);
  }
}

}  // namespace

Operation block_operation() {
  return {"block",
          {"kernels/block/block.h", "kernels/block/fold.h"},
          "convolution, batch norm and activation together: forward, inference and gradients",
          check,
          time,
          /*convolves=*/true};
}

}  // namespace dcgan::benchmarks

// What the tests of convolutions share: a run of all passes of a plan, and its comparison with the
// float64 loops.
#pragma once

#include "kernels/conv/conv.h"
#include "tests/kernels/support.h"
#include "tests/reference/activation.h"
#include "tests/reference/conv.h"

namespace dcgan::test {

inline GuardedTensor scratch_for(const Context& context, const ConvPlan& plan, ConvPass pass) {
  return {context, Shape{static_cast<std::int64_t>(plan.workspace_bytes(pass))}, DType::u8};
}

struct Run {
  Values y, dx, dweights, dy_after;
  bool guards_intact = false;
};

inline Run run(const Context& context, ConvPlan& plan, const ConvConfig& config, const Values& x,
               const Values& weights, const Values& dy) {
  const GuardedTensor x_on(context, x, config.dtype), weights_on(context, weights, config.dtype);
  const GuardedTensor dy_on(context, dy, config.dtype), y_on(context, dy.shape, config.dtype);
  const GuardedTensor dx_on(context, x.shape, config.dtype);
  const GuardedTensor dweights_on(context, weights.shape, DType::f32);
  // A workspace a pass, of just the bytes that the pass asks for.
  const GuardedTensor forward_scratch = scratch_for(context, plan, ConvPass::forward);
  const GuardedTensor data_scratch = scratch_for(context, plan, ConvPass::backward_data);
  const GuardedTensor weights_scratch = scratch_for(context, plan, ConvPass::backward_weights);
  plan.forward(context, {x_on.view(), weights_on.view(), y_on.view(), forward_scratch.view()});
  ConvBackward tensors{x_on.view(),  weights_on.view(),  y_on.view(), dy_on.view(),
                       dx_on.view(), dweights_on.view(), {}};
  plan.activation_backward(context, tensors);
  tensors.workspace = weights_scratch.view();
  plan.backward_weights(context, tensors);
  tensors.workspace = data_scratch.view();
  plan.backward_data(context, tensors);
  context.synchronize();
  return {y_on.read(), dx_on.read(), dweights_on.read(), dy_on.read(),
          y_on.guards_intact() && dx_on.guards_intact() && dweights_on.guards_intact() &&
              dy_on.guards_intact() && forward_scratch.guards_intact() &&
              data_scratch.guards_intact() && weights_scratch.guards_intact() &&
              x_on.read().v == x.v && weights_on.read().v == weights.v};
}

/// dy times the activation's derivative, from its output.
inline Values before_activation(const ActivationSpec& activation, const Values& y, Values dy) {
  for (std::int64_t i = 0; i < dy.elements(); ++i) {
    const double slope = activation.negative_slope;
    switch (activation.kind) {
      case Activation::relu:
        dy[i] *= y[i] > 0 ? 1 : 0;
        break;
      case Activation::leaky_relu:
        dy[i] *= y[i] > 0 ? 1 : slope;
        break;
      case Activation::tanh:
        dy[i] *= 1 - y[i] * y[i];
        break;
      case Activation::none:
        break;
    }
  }
  return dy;
}

/// Runs all passes of a plan for the config, and compares every result.
inline void compare(const Context& context, ConvPlan& plan, const ConvConfig& config) {
  const ConvSpec& spec = config.spec;
  const ActivationSpec& activation = config.activation;
  const DType dtype = config.dtype;
  INFO(to_string(spec) << " on " << to_string(config.input) << ", " << name_of(dtype) << ", "
                       << plan.describe() << ", " << to_string(context.device()));
  const Shape output = spec.output_shape(config.input);
  const Values x = reference::random_values(config.input, 1, dtype);
  const Values weights = reference::random_values(spec.weight_shape(), 2, dtype, 0.0, 0.2);
  const Values dy = reference::random_values(output, 3, dtype);
  const Run result = run(context, plan, config, x, weights, dy);
  CHECK(result.guards_intact);

  const Values pre = reference::conv(spec, x, weights);
  const std::int64_t window = spec.kernel * spec.kernel;
  // An activation in a second pass rounds once more: hence the factor.
  const double twice = activation.kind == Activation::none ? 1.0 : 2.0;
  CHECK(reference::relative_l2(result.y, reference::activate(activation, pre)) <
        twice * tolerance(dtype, window * spec.in_channels));

  // From the device's own y, so that a y that rounding moved across zero is no error here.
  const Values dy_before = before_activation(activation, result.y, dy);
  if (activation.kind == Activation::none) CHECK(result.dy_after.v == dy.v);
  const auto gradients = reference::conv_gradients(spec, x, weights, dy_before);
  CHECK(reference::relative_l2(result.dx, gradients.dx) <
        twice * tolerance(dtype, window * spec.out_channels));
  const std::int64_t places = std::max(output[1] * output[2], config.input[1] * config.input[2]);
  // dweights are f32, but with an activation the gradient before it was stored in the type.
  const DType rounded = activation.kind == Activation::none ? DType::f32 : dtype;
  CHECK(reference::relative_l2(result.dweights, gradients.dweights) <
        twice * tolerance(rounded, config.input[0] * places));
}

}  // namespace dcgan::test

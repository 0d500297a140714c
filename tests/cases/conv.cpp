#include "tests/cases/conv.h"

#include <algorithm>

#include "tests/reference/block.h"
#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;

struct Bounds {
  double y, dx, dweights;
};

Bounds bounds_of(const ConvConfig& config, const ConvPlan& plan) {
  const ConvSpec& spec = config.spec;
  const Shape output = spec.output_shape(config.input);
  const std::int64_t window = std::int64_t{spec.kernel} * spec.kernel;
  const std::int64_t pixels = std::max(output[1] * output[2], config.input[1] * config.input[2]);
  const bool activated = config.activation.kind != Activation::none;
  const auto bound = [&](DType stored, std::int64_t terms) {
    const auto factors =
        config.policy.allow_tf32 ? reference::Factors::tf32 : reference::Factors::as_stored;
    // An activation in a kernel of its own rounds once more.
    return (activated ? 2.0 : 1.0) * reference::tolerance(stored, terms, factors);
  };
  // dweights are f32, but with an activation the gradient before it was stored in the type; and a
  // plan may round the sums to the type.
  return {bound(config.dtype, window * spec.in_channels),
          bound(config.dtype, window * spec.out_channels),
          bound(activated ? config.dtype : plan.precision_of_dweights(), config.input[0] * pixels)};
}

}  // namespace

std::string to_string(const ConvCase& one) {
  return to_string(one.spec) + " on " + to_string(one.input);
}

std::vector<ConvCase> conv_cases() {
  const ActivationSpec none, leaky{Activation::leaky_relu, 0.2f}, tanh{Activation::tanh},
      relu{Activation::relu};
  return {
      {{kDown, 3, 16, 4, 2, 1}, {2, 8, 8, 3}, leaky},
      {{kDown, 1, 17, 4, 2, 1}, {7, 7, 5, 1}, leaky},
      {{kDown, 16, 64, 4, 2, 1}, {2, 8, 8, 16}, none},
      {{kDown, 5, 3, 3, 1, 1}, {1, 7, 8, 5}, relu},
      {{kDown, 16, 5, 5, 2, 2}, {2, 7, 7, 16}, none},
      {{kDown, 3, 3, 4, 2, 1}, {1, 3, 3, 3}, none},
      {{kDown, 17, 3, 2, 2, 0}, {2, 5, 5, 17}, tanh},
      {{kDown, 64, 1, 4, 1, 0}, {7, 4, 4, 64}, none},
      {{kDown, 17, 1, 3, 1, 0}, {1, 3, 3, 17}, leaky},
      {{kDown, 416, 1, 4, 1, 0},
       {3, 4, 4, 416},
       none},  // more elements than three turns of a block
      {{kDown, 3, 1, 2, 1, 0}, {3100, 2, 2, 3}, leaky},  // more images than three turns of a grid
      {{kDown, 16, 5, 4, 1, 0}, {7, 4, 4, 16}, leaky},
      {{kDown, 16, 1, 7, 1, 0}, {2, 7, 7, 16}, none},
      {{kDown, 5, 17, 1, 1, 0}, {2, 5, 3, 5}, none},
      // Wide layers that tensor cores take, with large and with small tiles.
      {{kDown, 64, 64, 4, 2, 1}, {3, 6, 10, 64}, none},
      {{kUp, 32, 32, 4, 2, 1}, {2, 3, 5, 32}, leaky},
      {{kUp, 16, 3, 4, 2, 1}, {2, 8, 8, 16}, tanh},
      {{kUp, 64, 17, 4, 2, 1}, {2, 4, 4, 64}, none},
      {{kUp, 17, 1, 4, 2, 1}, {7, 5, 7, 17}, tanh},
      {{kUp, 5, 16, 4, 1, 0}, {7, 1, 1, 5}, none},
      {{kUp, 17, 64, 7, 1, 0}, {2, 1, 1, 17}, relu},
      {{kUp, 3, 1, 3, 1, 0}, {1, 1, 1, 3}, tanh},
      {{kUp, 16, 5, 5, 1, 2}, {1, 7, 7, 16}, leaky},
      {{kUp, 1, 1, 4, 2, 1}, {1, 1, 3, 1}, none},
      {{kUp, 3, 5, 3, 2, 1}, {2, 8, 5, 3}, none},
      // Layers between an image and features that tensor cores take: tiles that end inside.
      {{kDown, 3, 24, 4, 2, 1}, {3, 10, 36, 3}, leaky},
      {{kUp, 24, 1, 4, 2, 1}, {3, 7, 14, 24}, tanh},
      // Batches whose im2col the CPU makes in several pieces, the last shorter.
      {{kDown, 9, 5, 4, 2, 1}, {9, 32, 32, 9}, leaky},
      {{kUp, 2, 8, 4, 2, 1}, {9, 32, 32, 2}, none},
  };
}

GuardedTensor scratch_for(const Context& context, const ConvPlan& plan, ConvPass pass) {
  return {context, Shape{static_cast<std::int64_t>(plan.workspace_bytes(pass))}, DType::u8};
}

ConvRun run_convolution(const Context& context, ConvPlan& plan, const ConvConfig& config,
                        const Values& x, const Values& weights, const Values& dy) {
  const GuardedTensor x_on(context, x, config.dtype), weights_on(context, weights, config.dtype);
  const GuardedTensor dy_on(context, dy, config.dtype), y_on(context, dy.shape, config.dtype);
  const GuardedTensor dx_on(context, x.shape, config.dtype);
  const GuardedTensor dweights_on(context, weights.shape, DType::f32);
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
  return {y_on.read(),
          dx_on.read(),
          dweights_on.read(),
          x_on.read(),
          weights_on.read(),
          dy_on.read(),
          guard_bytes({&x_on, &weights_on, &y_on, &dy_on, &dx_on, &dweights_on, &forward_scratch,
                       &data_scratch, &weights_scratch})};
}

void check_convolution_bias(const Context& context, const ConvConfig& config, ConvPlan& plan,
                            const Report& report) {
  const ConvSpec& spec = config.spec;
  const Values x = reference::random_values(config.input, 1, config.dtype);
  const Values weights = reference::random_values(spec.weight_shape(), 2, config.dtype, 0.0, 0.2);
  const Values bias = reference::random_values({spec.out_channels}, 4, DType::f32);
  const GuardedTensor x_on(context, x, config.dtype), weights_on(context, weights, config.dtype);
  const GuardedTensor bias_on(context, bias, DType::f32);
  const GuardedTensor y_on(context, spec.output_shape(config.input), config.dtype);
  const GuardedTensor scratch = scratch_for(context, plan, ConvPass::forward);
  plan.forward(context,
               {x_on.view(), weights_on.view(), y_on.view(), scratch.view(), bias_on.view()});
  Values sums = reference::conv(spec, x, weights);
  for (std::int64_t i = 0; i < sums.elements(); ++i) sums[i] += bias[i % spec.out_channels];
  // The sum may be stored before the bias is added, as before an activation.
  report(relative("y", y_on.read(), reference::activate(config.activation, sums),
                  2 * bounds_of(config, plan).y));
  report(exactly("bias after", bias_on.read(), bias));
  report(guard_bytes({&x_on, &weights_on, &bias_on, &y_on, &scratch}));
}

void check_convolution(const Context& context, const ConvConfig& config, ConvPlan& plan,
                       const Report& report) {
  const ConvSpec& spec = config.spec;
  const Values x = reference::random_values(config.input, 1, config.dtype);
  const Values weights = reference::random_values(spec.weight_shape(), 2, config.dtype, 0.0, 0.2);
  const Values dy = reference::random_values(spec.output_shape(config.input), 3, config.dtype);
  const ConvRun found = run_convolution(context, plan, config, x, weights, dy);
  report(found.guards);
  report(exactly("x after", found.x_after, x));
  report(exactly("weights after", found.weights_after, weights));
  if (config.activation.kind == Activation::none) report(exactly("dy after", found.dy_after, dy));
  const Bounds bounds = bounds_of(config, plan);
  report(relative("y", found.y,
                  reference::activate(config.activation, reference::conv(spec, x, weights)),
                  bounds.y));
  // From the device's own y, so that a y that rounding moved across zero is no error here.
  const auto gradients = reference::conv_gradients(
      spec, x, weights, reference::gradient_before(config.activation, found.y, dy));
  report(relative("dx", found.dx, gradients.dx, bounds.dx));
  report(relative("dweights", found.dweights, gradients.dweights, bounds.dweights));
}

}  // namespace dcgan::test

#include "tests/cases/block.h"

#include <algorithm>

#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

constexpr ConvType kDown = ConvType::convolution;
constexpr ConvType kUp = ConvType::transposed;

reference::Factors factors_of(const BlockConfig& config) {
  return config.policy.allow_tf32 ? reference::Factors::tf32 : reference::Factors::as_stored;
}

// Of a convolution's result. Without a norm the activation may be a kernel of its own, which rounds
// once more.
double conv_bound(const BlockConfig& config, std::int64_t terms) {
  return (config.norm == Norm::none ? 2.0 : 1.0) *
         reference::tolerance(config.dtype, terms, factors_of(config));
}

// Products behind one element of each result.
struct Terms {
  std::int64_t output, dinput, dweights;

  explicit Terms(const BlockConfig& config)
      : output(std::int64_t{config.conv.kernel} * config.conv.kernel * config.conv.in_channels),
        dinput(std::int64_t{config.conv.kernel} * config.conv.kernel * config.conv.out_channels),
        dweights(std::max(config.input.elements() / config.conv.in_channels,
                          config.output().elements() / config.conv.out_channels)) {}
};

double bound_after_norm(const BlockConfig& config) {
  return norm_bound(config.dtype,
                    config.output().elements() / config.conv.out_channels / config.norm_groups);
}

void report_convolution(const BlockOnDevice& block, const Report& report) {
  const BlockConfig& config = block.config;
  const Values expected = reference::conv(config.conv, block.input.read(), block.weights.read());
  const double bound = conv_bound(config, Terms(config).output);
  if (block.has_norm()) {
    report(relative("conv_output", block.conv_output.read(), expected, bound));
  } else {
    report(relative("output", block.output.read(), reference::activate(config.activation, expected),
                    bound));
  }
}

// The forward pass of the reference, continued from what the device has stored.
reference::Block continued(const BlockOnDevice& block, BatchNormState& state) {
  if (!block.has_norm()) return {{}, block.output.read(), {}};
  return reference::block_after_convolution(block.config, block.conv_output.read(), state);
}

void report_norm(const BlockOnDevice& block, const reference::Block& expected,
                 const BatchNormState& after, const Report& report) {
  const double sums = reference::tolerance(DType::f32, Terms(block.config).dweights);
  report(relative("output", block.output.read(), expected.output, bound_after_norm(block.config)));
  report(relative("mean", block.mean.read(), expected.norm.mean, 16 * sums));
  report(relative("invstd", block.invstd.read(), expected.norm.invstd, 2 * sums));
  report(relative("running_mean", block.running_mean.read(), after.running_mean, 8 * sums));
  report(relative("running_var", block.running_var.read(), after.running_var, 4 * sums));
  report(exactly("batches_tracked", block.tracked.read(),
                 Values({1}, {static_cast<double>(after.batches_tracked)})));
}

void report_norm_gradients(const BlockOnDevice& block, const reference::Block& forward,
                           const reference::BlockGradients& expected, const Values& doutput,
                           const Report& report) {
  // Terms of both signs: a sum may be as small as the square root of their number says.
  const double sums = 8 * reference::tolerance(DType::f32, Terms(block.config).dweights);
  report(relative("dnorm_weight", block.dnorm_weight.read(), expected.dnorm_weight, sums));
  report(relative("dnorm_bias", block.dnorm_bias.read(), expected.dnorm_bias, sums));
  // What is left of doutput after two means are subtracted: the error is relative to doutput.
  const double scale = reference::l2_norm(doutput) * forward.norm.invstd[0];
  report(relative_to(scale, "dconv_output", block.doutput.read(), expected.dconv_output,
                     2 * bound_after_norm(block.config)));
}

BlockOnDevice random_block(const Context& context, const BlockConfig& config, BlockPlan& plan,
                           const BatchNormState& state) {
  return {context,
          config,
          plan,
          reference::random_values(config.input, 1, config.dtype),
          reference::random_values(config.conv.weight_shape(), 2, config.dtype, 0.0, 0.2),
          reference::random_values(config.output(), 3, config.dtype),
          state};
}

}  // namespace

BlockOnDevice::BlockOnDevice(const Context& on, const BlockConfig& with, BlockPlan& by,
                             const BatchNormState& state)
    : context(on),
      config(with),
      plan(by),
      channels(with.conv.out_channels),
      input(on, with.input, with.dtype),
      weights(on, with.conv.weight_shape(), with.dtype),
      conv_output(on, with.output(), with.dtype),
      output(on, with.output(), with.dtype),
      norm_weight(on, state.weight, DType::f32),
      norm_bias(on, state.bias, DType::f32),
      running_mean(on, state.running_mean, DType::f32),
      running_var(on, state.running_var, DType::f32),
      tracked(on, Values({1}, {static_cast<double>(state.batches_tracked)}), DType::i64),
      mean(on, {with.norm_groups, channels}, DType::f32),
      invstd(on, {with.norm_groups, channels}, DType::f32),
      doutput(on, with.output(), with.dtype),
      dinput(on, with.input, with.dtype),
      dweights(on, with.conv.weight_shape(), DType::f32),
      dnorm_weight(on, {channels}, DType::f32),
      dnorm_bias(on, {channels}, DType::f32),
      tickets(on, Values({channels}), DType::i32),
      forward_scratch(scratch(ConvPass::forward)),
      backward_scratch(scratch(ConvPass::backward_data)),
      weights_scratch(scratch(ConvPass::backward_weights)) {}

BlockOnDevice::BlockOnDevice(const Context& on, const BlockConfig& with, BlockPlan& by,
                             const Values& input_values, const Values& weight_values,
                             const Values& doutput_values, const BatchNormState& state)
    : BlockOnDevice(on, with, by, state) {
  input.write(input_values);
  weights.write(weight_values);
  doutput.write(doutput_values);
}

GuardedTensor BlockOnDevice::scratch(ConvPass pass) const {
  return {context, Shape{static_cast<std::int64_t>(plan.workspace_bytes(pass))}, DType::u8};
}

BlockForward BlockOnDevice::forward_tensors() const {
  BlockForward tensors;
  tensors.input = input.view();
  tensors.weights = weights.view();
  tensors.output = output.view();
  tensors.workspace = forward_scratch.view();
  if (!has_norm()) return tensors;
  tensors.norm = {norm_weight.view(), norm_bias.view()};
  tensors.running = {running_mean.view(), running_var.view(), tracked.view()};
  tensors.saved = {mean.view(), invstd.view()};
  tensors.conv_output = conv_output.view();
  tensors.tickets = tickets.view();
  return tensors;
}

BlockBackward BlockOnDevice::backward_tensors() const {
  BlockBackward tensors;
  tensors.input = input.view();
  tensors.weights = weights.view();
  tensors.output = output.view();
  tensors.doutput = doutput.view();
  tensors.dinput = dinput.view();
  tensors.dweights = dweights.view();
  tensors.workspace = backward_scratch.view();
  if (!has_norm()) return tensors;
  tensors.norm = {norm_weight.view(), norm_bias.view()};
  tensors.saved = {mean.view(), invstd.view()};
  tensors.conv_output = conv_output.view();
  tensors.output = {};
  tensors.dnorm_weight = dnorm_weight.view();
  tensors.dnorm_bias = dnorm_bias.view();
  tensors.tickets = tickets.view();
  return tensors;
}

void BlockOnDevice::backward_convolution() const {
  BlockBackward tensors = backward_tensors();
  tensors.workspace = weights_scratch.view();
  plan.backward_weights(context, tensors);
  tensors.workspace = backward_scratch.view();
  plan.backward_data(context, tensors);
}

Comparison BlockOnDevice::guards() const {
  return guard_bytes(
      {&input,      &weights,      &conv_output,     &output,           &norm_weight,
       &norm_bias,  &running_mean, &running_var,     &tracked,          &mean,
       &invstd,     &doutput,      &dinput,          &dweights,         &dnorm_weight,
       &dnorm_bias, &tickets,      &forward_scratch, &backward_scratch, &weights_scratch});
}

std::string to_string(const BlockCase& one) {
  return to_string(one.conv) + " on " + to_string(one.input) +
         (one.norm == Norm::batch ? ", batch norm, groups " + std::to_string(one.norm_groups) : "");
}

std::vector<BlockCase> block_cases() {
  const ActivationSpec relu{Activation::relu}, leaky{Activation::leaky_relu, 0.2f};
  const ActivationSpec tanh{Activation::tanh};
  std::vector<BlockCase> cases{
      {{kUp, 10, 24, 4, 1, 0}, {6, 1, 1, 10}, Norm::batch, relu},     // gemm stem
      {{kDown, 16, 32, 4, 2, 1}, {4, 8, 8, 16}, Norm::batch, leaky},  // 16-byte rows
      {{kDown, 5, 7, 3, 1, 1}, {6, 7, 5, 5}, Norm::batch, relu},      // no row of whole vectors
      {{kUp, 24, 16, 4, 2, 1}, {4, 4, 4, 24}, Norm::batch, relu},
      {{kUp, 24, 16, 4, 2, 1}, {4, 4, 4, 24}, Norm::none, relu},
      {{kDown, 64, 64, 4, 2, 1}, {2, 8, 8, 64}, Norm::batch, leaky},
      {{kDown, 3, 16, 4, 2, 1}, {2, 16, 16, 3}, Norm::none, leaky},  // images of few channels
      {{kDown, 1, 8, 4, 2, 1}, {2, 12, 10, 1}, Norm::batch, leaky},
      {{kUp, 16, 3, 4, 2, 1}, {2, 8, 8, 16}, Norm::none, tanh},
      {{kDown, 64, 1, 4, 1, 0}, {6, 4, 4, 64}, Norm::none, {}},  // gemv head
  };
  for (std::size_t i = 0, count = cases.size(); i < count; ++i) {
    if (cases[i].norm == Norm::none) continue;
    BlockCase two_groups = cases[i];
    two_groups.norm_groups = 2;
    cases.push_back(two_groups);
  }
  return cases;
}

void check_block_training(const Context& context, const BlockConfig& config, BlockPlan& plan,
                          const Report& report) {
  const BatchNormState before = random_state(config.conv.out_channels);
  const BlockOnDevice block = random_block(context, config, plan, before);
  const Values doutput = block.doutput.read();
  plan.convolve(context, block.forward_tensors());
  plan.normalise(context, block.forward_tensors());
  report_convolution(block, report);
  BatchNormState after = before;
  const reference::Block forward = continued(block, after);
  if (block.has_norm()) report_norm(block, forward, after, report);

  plan.backward_sums(context, block.backward_tensors());
  plan.backward_apply(context, block.backward_tensors());
  const auto expected = reference::block_gradients(config, block.input.read(), block.weights.read(),
                                                   before, forward, doutput);
  if (block.has_norm()) report_norm_gradients(block, forward, expected, doutput, report);
  const Values dconv_output = block.has_norm() ? block.doutput.read() : expected.dconv_output;
  block.backward_convolution();
  const auto conv = reference::conv_gradients(config.conv, block.input.read(), block.weights.read(),
                                              dconv_output);
  const Terms terms(config);
  report(relative("dinput", block.dinput.read(), conv.dx, conv_bound(config, terms.dinput)));
  report(relative("dweights", block.dweights.read(), conv.dweights,
                  conv_bound(config, terms.dweights)));
  report(block.guards());
}

void check_block_inference(const Context& context, const BlockConfig& config, BlockPlan& plan,
                           const Report& report) {
  const BatchNormState state = random_state(config.conv.out_channels);
  const BlockOnDevice block = random_block(context, config, plan, state);
  plan.infer(context, block.forward_tensors());
  report_convolution(block, report);
  if (block.has_norm()) {
    const Values expected =
        reference::batch_norm_eval(block.conv_output.read(), state, config.norm_options());
    report(relative("output of inference", block.output.read(), expected,
                    reference::tolerance(config.dtype, 1)));
    report(exactly("running_mean after inference", block.running_mean.read(), state.running_mean));
    report(exactly("running_var after inference", block.running_var.read(), state.running_var));
    report(exactly("batches_tracked after inference", block.tracked.read(),
                   Values({1}, {static_cast<double>(state.batches_tracked)})));
  }
  report(block.guards());
}

}  // namespace dcgan::test

// A block's plan and tensors on a device, between guards.
#pragma once

#include "tests/kernels/norm/support.h"
#include "tests/reference/block.h"

namespace dcgan::test {

/// A plan, or nothing where the device says that it cannot compute in the type.
inline std::unique_ptr<BlockPlan> plan_if_possible(const Context& context,
                                                   const BlockConfig& config) {
  try {
    return plan_block(context, config);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable || config.dtype == DType::f32) throw;
    return nullptr;
  }
}

/// One block on one batch; each pass has a workspace of just the bytes that it asks for.
struct BlockOnDevice {
  const Context& context;
  BlockConfig config;
  BlockPlan& plan;
  std::int64_t channels;
  GuardedTensor input, weights, conv_output, output;
  GuardedTensor norm_weight, norm_bias, running_mean, running_var, tracked, mean, invstd;
  GuardedTensor doutput, dinput, dweights, dnorm_weight, dnorm_bias;
  GuardedTensor forward_scratch, backward_scratch, weights_scratch;

  BlockOnDevice(const Context& on, const BlockConfig& with, BlockPlan& by,
                const Values& input_values, const Values& weight_values,
                const Values& doutput_values, const BatchNormState& state)
      : context(on),
        config(with),
        plan(by),
        channels(with.conv.out_channels),
        input(on, input_values, with.dtype),
        weights(on, weight_values, with.dtype),
        conv_output(on, with.output(), with.dtype),
        output(on, with.output(), with.dtype),
        norm_weight(on, state.weight, DType::f32),
        norm_bias(on, state.bias, DType::f32),
        running_mean(on, state.running_mean, DType::f32),
        running_var(on, state.running_var, DType::f32),
        tracked(on, Values({1}, {static_cast<double>(state.batches_tracked)}), DType::i64),
        mean(on, {with.norm_groups, channels}, DType::f32),
        invstd(on, {with.norm_groups, channels}, DType::f32),
        doutput(on, doutput_values, with.dtype),
        dinput(on, with.input, with.dtype),
        dweights(on, with.conv.weight_shape(), DType::f32),
        dnorm_weight(on, {channels}, DType::f32),
        dnorm_bias(on, {channels}, DType::f32),
        forward_scratch(scratch(ConvPass::forward)),
        backward_scratch(scratch(ConvPass::backward_data)),
        weights_scratch(scratch(ConvPass::backward_weights)) {}

  bool has_norm() const { return config.norm == Norm::batch; }
  /// Only what the contract says a block with or without a norm has.
  BlockForward forward_tensors() const {
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
    return tensors;
  }
  BlockBackward backward_tensors() const {
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
    return tensors;
  }
  /// The two calls behind backward_apply().
  void backward_convolution() const {
    BlockBackward tensors = backward_tensors();
    tensors.workspace = weights_scratch.view();
    plan.backward_weights(context, tensors);
    tensors.workspace = backward_scratch.view();
    plan.backward_data(context, tensors);
  }
  bool guards_intact() const {
    bool intact = true;
    for (const GuardedTensor* each :
         {&input, &weights, &conv_output, &output, &norm_weight, &norm_bias, &running_mean,
          &running_var, &tracked, &mean, &invstd, &doutput, &dinput, &dweights, &dnorm_weight,
          &dnorm_bias, &forward_scratch, &backward_scratch, &weights_scratch}) {
      intact = intact && each->guards_intact();
    }
    return intact;
  }

 private:
  GuardedTensor scratch(ConvPass pass) const {
    return {context, Shape{static_cast<std::int64_t>(plan.workspace_bytes(pass))}, DType::u8};
  }
};

}  // namespace dcgan::test

// A block in float64: convolution, optional batch norm, activation, out of their own loops.
#pragma once

#include "kernels/block/block.h"
#include "tests/reference/batch_norm.h"
#include "tests/reference/conv.h"

namespace dcgan::reference {

/// dy times the activation's derivative, from the activation's output.
inline Values gradient_before(const ActivationSpec& activation, const Values& y, Values dy) {
  for (std::int64_t i = 0; i < dy.elements(); ++i) {
    dy[i] *= activation.kind == Activation::tanh ? 1 - y[i] * y[i]
                                                 : activation_derivative(activation, y[i]);
  }
  return dy;
}

struct Block {
  Values conv_output;
  Values output;
  BatchNormForward norm;  // with a norm; its y is `output`
};

/// What stands behind the convolution; moves the running statistics of `state`.
inline Block block_after_convolution(const BlockConfig& config, const Values& conv_output,
                                     BatchNormState& state) {
  Block block{conv_output, {}, {}};
  if (config.norm == Norm::none) {
    block.output = activate(config.activation, conv_output);
  } else {
    block.norm = batch_norm_train(conv_output, state, config.norm_options());
    block.output = block.norm.y;
  }
  return block;
}

inline Block block_train(const BlockConfig& config, const Values& input, const Values& weights,
                         BatchNormState& state) {
  return block_after_convolution(config, conv(config.conv, input, weights), state);
}

struct BlockGradients {
  Values dconv_output, dinput, dweights, dnorm_weight, dnorm_bias;
};

inline BlockGradients block_gradients(const BlockConfig& config, const Values& input,
                                      const Values& weights, const BatchNormState& state,
                                      const Block& forward, const Values& doutput) {
  BlockGradients out;
  if (config.norm == Norm::none) {
    out.dconv_output = gradient_before(config.activation, forward.output, doutput);
  } else {
    BatchNormGradients norm = batch_norm_gradients(forward.conv_output, doutput, state,
                                                   forward.norm, config.norm_options());
    out.dconv_output = norm.dx;
    out.dnorm_weight = norm.dweight;
    out.dnorm_bias = norm.dbias;
  }
  ConvGradients conv = conv_gradients(config.conv, input, weights, out.dconv_output);
  out.dinput = conv.dx;
  out.dweights = conv.dweights;
  return out;
}

}  // namespace dcgan::reference

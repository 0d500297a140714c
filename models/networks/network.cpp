#include "models/networks/network.h"

#include <algorithm>

namespace dcgan {

void Network::forward(const Context& context, Activations& activations, Pass pass) {
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    forward_block(context, activations, block, pass);
  }
}

void Network::backward(const Context& context, Activations& activations, ParamGrads grads) {
  for (std::size_t block = blocks_.size(); block-- > 0;) {
    backward_block(context, activations, block, grads);
  }
}

void Network::forward_block(const Context& context, Activations& activations, std::size_t index,
                            Pass pass) {
  const BlockSpec& spec = blocks_[index];
  Activations::Block& block = activations.blocks()[index];
  const TensorView weights = parameters_.compute_weights(parameter_index(index));
  if (spec.norm == Norm::none) {
    block.conv->forward(context, block.input, weights, block.output, activations.workspace());
    return;
  }
  block.conv->forward(context, block.input, weights, block.conv_output, activations.workspace());
  const BatchNormOptions options{spec.activation, activations.norm_groups()};
  const TensorView scratch = activations.norm_scratch();
  if (pass == Pass::train) {
    batch_norm_train_forward(context, block.conv_output, norm_parameters(index),
                             norm_running(index), block.output,
                             {block.saved_mean, block.saved_invstd}, scratch, options);
  } else {
    batch_norm_eval_forward(context, block.conv_output, norm_parameters(index), norm_running(index),
                            block.output, options);
  }
}

void Network::backward_block(const Context& context, Activations& activations, std::size_t index,
                             ParamGrads grads) {
  const BlockSpec& spec = blocks_[index];
  Activations::Block& block = activations.blocks()[index];
  const std::size_t parameter = parameter_index(index);
  const auto gradient = [&](std::size_t offset) {
    return grads == ParamGrads::skip
               ? TensorView{}
               : parameters_.view(ParameterArray::gradients, parameter + offset);
  };
  if (spec.norm == Norm::batch) {
    batch_norm_backward(context,
                        {block.conv_output,
                         norm_parameters(index),
                         {block.saved_mean, block.saved_invstd},
                         block.doutput,
                         /*dx=*/block.doutput,
                         gradient(1),
                         gradient(2)},
                        activations.norm_scratch(), {spec.activation, activations.norm_groups()});
  }
  const bool data_wanted = !block.dinput.empty();
  if (!data_wanted && grads == ParamGrads::skip) return;
  block.conv->backward(context,
                       {block.input, parameters_.compute_weights(parameter), block.output,
                        block.doutput, block.dinput, gradient(0)},
                       activations.workspace());
}

std::size_t Network::parameter_index(std::size_t block) const {
  // One weight a block, and two more for each norm before it.
  return block + 2 * static_cast<std::size_t>(std::count_if(
                         blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(block),
                         [](const BlockSpec& spec) { return spec.norm == Norm::batch; }));
}

BatchNormParameters Network::norm_parameters(std::size_t block) const {
  const std::size_t index = parameter_index(block);
  return {parameters_.view(ParameterArray::values, index + 1),
          parameters_.view(ParameterArray::values, index + 2)};
}

BatchNormRunning Network::norm_running(std::size_t block) const {
  const std::size_t norm = (parameter_index(block) - block) / 2;
  const RunningInfo& info = parameters_.running_infos()[norm];
  return {parameters_.running(info.mean), parameters_.running(info.var),
          parameters_.running(info.batches_tracked)};
}

}  // namespace dcgan

#include "models/networks/network.h"

#include "kernels/elementwise/add.h"

namespace dcgan {
namespace {

void enter(const Context& context, const PassObservers& observers, StageId stage) {
  if (observers.stages != nullptr && stage.valid()) observers.stages->on_stage(context, stage);
}

// Whether ranks meet in the block: it has a norm.
bool exchanges(const PassObservers& observers, ConstTensorView conv_output) {
  return observers.norm && !conv_output.empty();
}

}  // namespace

void Network::forward(const Context& context, Activations& activations, Pass pass,
                      const PassObservers& observers) {
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    forward_block(context, activations, block, pass, observers);
  }
}

void Network::backward(const Context& context, Activations& activations, ParamGrads grads,
                       const PassObservers& observers) {
  for (std::size_t block = blocks_.size(); block-- > 0;) {
    backward_block(context, activations, block, grads, observers);
  }
}

void Network::forward_block(const Context& context, Activations& activations, std::size_t index,
                            Pass pass, const PassObservers& observers) {
  const BlockForward tensors = forward_tensors(activations, index);
  BlockPlan& plan = *activations.blocks()[index].plan;
  const BlockStages& stages = activations.stages().blocks[index];
  enter(context, observers, stages.convolve);
  if (pass == Pass::eval) return plan.infer(context, tensors);
  plan.convolve(context, tensors);
  enter(context, observers, stages.normalise);
  if (exchanges(observers, tensors.conv_output)) {
    observers.norm.exchange(context, plan.statistics(tensors));
  }
  plan.normalise(context, tensors);
}

void Network::backward_block(const Context& context, Activations& activations, std::size_t index,
                             ParamGrads grads, const PassObservers& observers) {
  BlockBackward tensors = backward_tensors(activations, index, grads);
  BlockPlan& plan = *activations.blocks()[index].plan;
  const BlockStages& stages = activations.stages().blocks[index];
  if (tensors.dinput.empty() && grads == ParamGrads::skip) return;
  enter(context, observers, stages.backward_norm);
  plan.backward_sums(context, tensors);
  if (exchanges(observers, tensors.conv_output)) {
    const BatchNormSums totals = plan.totals(tensors);
    observers.norm.exchange(context, totals);
    const Shape& output = tensors.doutput.shape;
    tensors.norm_count = output.elements() / totals.gradient.elements() * observers.norm.ranks();
  }
  plan.backward_apply(context, tensors);
  if (observers.weights != nullptr) observers.weights->fork();
  // The data gradient first: the next block waits for it.
  if (!tensors.dinput.empty()) {
    enter(context, observers, stages.backward_data);
    plan.backward_data(context, tensors);
  }
  if (grads == ParamGrads::skip) return;
  const Context& side = observers.weights != nullptr ? observers.weights->context() : context;
  enter(side, observers, stages.backward_weights);
  tensors.workspace = activations.weights_workspace();
  plan.backward_weights(side, tensors);
  if (grads == ParamGrads::accumulate) {
    add_in_place(side, parameters_.accumulation_range(index),
                 parameters_.range(ParameterArray::gradients, index));
  }
  if (observers.gradients == nullptr) return;
  // An update must not overwrite the weights that the data gradient reads.
  if (observers.weights != nullptr) observers.weights->fork();
  enter(side, observers, stages.update);
  observers.gradients->on_gradients(side, *this, index);
}

BlockForward Network::forward_tensors(const Activations& activations, std::size_t index) const {
  const Activations::Block& block = activations.blocks()[index];
  return {block.input,
          parameters_.weights(index),
          parameters_.norm(index),
          parameters_.norm_running(index),
          block.saved,
          block.conv_output,
          block.output,
          activations.workspace(),
          activations.tickets()};
}

BlockBackward Network::backward_tensors(const Activations& activations, std::size_t index,
                                        ParamGrads grads) const {
  const Activations::Block& block = activations.blocks()[index];
  const BlockParameters& places = parameters_.block(index);
  const auto gradient = [&](int place) -> TensorView {
    if (grads == ParamGrads::skip || place == BlockParameters::kNone) return {};
    const auto parameter = static_cast<std::size_t>(place);
    return grads == ParamGrads::accumulate ? parameters_.accumulation(parameter)
                                           : parameters_.view(ParameterArray::gradients, parameter);
  };
  return {block.input,
          parameters_.weights(index),
          parameters_.norm(index),
          block.saved,
          block.conv_output,
          block.output,
          block.doutput,
          block.dinput,
          gradient(places.weight),
          gradient(places.norm_weight),
          gradient(places.norm_bias),
          activations.workspace(),
          activations.tickets()};
}

}  // namespace dcgan

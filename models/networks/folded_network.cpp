#include "models/networks/folded_network.h"

#include <fmt/format.h>

#include "kernels/block/fold.h"
#include "kernels/elementwise/convert.h"

namespace dcgan {

FoldedNetwork::FoldedNetwork(const std::vector<BlockSpec>& trained, DType dtype, MemoryPlan& plan)
    : blocks_(trained) {
  for (BlockSpec& block : blocks_) {
    Place place;
    const std::string name = fmt::format("folded {}", block.conv_name);
    place.weights_slot = plan.add(name + ".weight", block.conv.weight_shape(), dtype);
    if (block.norm == Norm::batch) {
      place.bias_slot = plan.add(name + ".bias", {block.conv.out_channels}, DType::f32);
      block.norm = Norm::none;
      block.bias = ConvBias::per_channel;
    }
    places_.push_back(place);
  }
}

void FoldedNetwork::bind(const Arena& arena) {
  for (Place& place : places_) {
    place.weights = arena.view(place.weights_slot);
    if (place.bias_slot.valid()) place.bias = arena.view(place.bias_slot);
  }
}

void FoldedNetwork::fold(const Context& context, const Parameters& trained) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    const auto weight = static_cast<std::size_t>(trained.block(i).weight);
    const TensorView from = trained.view(ParameterArray::values, weight);
    if (!place.bias.empty()) {
      fold_norm(context, blocks_[i].conv,
                {from, trained.norm(i), trained.norm_running(i), place.weights, place.bias});
    } else if (place.weights.dtype == DType::f32) {
      copy(context, from, place.weights);
    } else {
      convert_type(context, from, place.weights);
    }
  }
}

void FoldedNetwork::forward(const Context& context, const Activations& activations) const {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Activations::Block& block = activations.blocks()[i];
    BlockForward tensors;
    tensors.input = block.input;
    tensors.weights = places_[i].weights;
    tensors.output = block.output;
    tensors.workspace = activations.workspace();
    tensors.bias = places_[i].bias;
    block.plan->infer(context, tensors);
  }
}

}  // namespace dcgan

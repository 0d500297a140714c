// A network for inference alone: every batch norm folded into its convolution's weights and a bias
// (kernels/block/fold.h), so that a block is activation(conv + bias).
#pragma once

#include <vector>

#include "models/networks/activations.h"
#include "models/networks/parameters.h"

namespace dcgan {

class FoldedNetwork {
 public:
  /// Adds its weights, in the type that it computes in, and biases to `plan`.
  FoldedNetwork(const std::vector<BlockSpec>& trained, DType dtype, MemoryPlan& plan);
  void bind(const Arena& arena);

  /// The blocks without their norms: what its activations are planned for.
  const std::vector<BlockSpec>& blocks() const { return blocks_; }

  /// Takes values and running statistics of a network of the blocks that it was made from.
  /// Enqueued.
  void fold(const Context& context, const Parameters& trained);

  /// Reads activations' input, writes its output. Enqueued.
  void forward(const Context& context, const Activations& activations) const;

 private:
  struct Place {
    SlotId weights_slot;
    SlotId bias_slot;    // not valid without a norm
    TensorView weights;  // conv.weight_shape(), in the network's type
    TensorView bias;     // (K) f32; empty without a norm
  };
  std::vector<BlockSpec> blocks_;
  std::vector<Place> places_;
};

}  // namespace dcgan

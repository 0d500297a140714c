// A pass of a copy of a network that keeps every activation, so that they can be compared and the
// training itself does not notice.
#pragma once

#include <optional>

#include "models/networks/network.h"
#include "models/training/training_config.h"
#include "runtime/base/host_tensor.h"

namespace dcgan {

class Probe {
 public:
  /// Copies weights and running statistics. input: (N, H, W, C), or latent vectors of any rank.
  Probe(const Context& context, const Network& network, const HostTensor& input,
        const TrainingConfig& config);

  void forward(Pass pass) { network_.forward(context_, *activations_, pass); }
  const Activations& activations() const { return *activations_; }

  /// The output of a block's norm without its activation, after forward(Pass::train). A fused block
  /// has no place for it, so it is computed again; replaces the block's output.
  TensorView norm_output(std::size_t block);

 private:
  Shape input_shape(const HostTensor& input) const;

  const Context& context_;
  Network network_;
  std::optional<Activations> activations_;
  Arena arena_;
};

}  // namespace dcgan

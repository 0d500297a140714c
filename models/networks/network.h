// A network: blocks and their parameters, forward and backward. It is the same code for the
// generator and the discriminator, for every preset and on every device.
#pragma once

#include <vector>

#include "kernels/norm/batch_norm.h"
#include "models/networks/activations.h"
#include "models/networks/blocks.h"
#include "models/networks/parameters.h"

namespace dcgan {

enum class Pass {
  train,  ///< statistics of the batch; running statistics are updated
  eval,   ///< running statistics; every image for itself
};
enum class ParamGrads {
  skip,       ///< gradients of data only
  overwrite,  ///< parameters().flat(gradients) is replaced
};

class Network {
 public:
  Network(const Context& context, std::vector<BlockSpec> blocks)
      : blocks_(std::move(blocks)), parameters_(context, blocks_) {}

  const std::vector<BlockSpec>& blocks() const { return blocks_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  /// Index of a block's convolution weight among the parameters; its norm's follow it.
  std::size_t parameter_index(std::size_t block) const;

  /// Reads activations' input, writes its output. Enqueued.
  void forward(const Context& context, Activations& activations, Pass pass);

  /// Reads activations.output_gradient(); needs the forward pass that filled the activations.
  /// Writes the input's gradient where one is bound, and the parameters' gradients as asked.
  void backward(const Context& context, Activations& activations, ParamGrads grads);

  // One block of a pass: what forward() and backward() are made of.
  void forward_block(const Context& context, Activations& activations, std::size_t block,
                     Pass pass);
  void backward_block(const Context& context, Activations& activations, std::size_t block,
                      ParamGrads grads);

 private:
  BatchNormParameters norm_parameters(std::size_t block) const;
  BatchNormRunning norm_running(std::size_t block) const;

  std::vector<BlockSpec> blocks_;
  Parameters parameters_;
};

}  // namespace dcgan

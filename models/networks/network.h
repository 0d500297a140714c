// A network: blocks and their parameters, forward and backward. It is the same code for the
// generator and the discriminator, for every preset and on every device.
#pragma once

#include <vector>

#include "models/networks/activations.h"
#include "models/networks/blocks.h"
#include "models/networks/norm_exchange.h"
#include "models/networks/parameters.h"
#include "runtime/device/side_branch.h"

namespace dcgan {

enum class Pass {
  train,  ///< statistics of the batch; running statistics are updated
  eval,   ///< running statistics; every image for itself
};
enum class ParamGrads {
  skip,        ///< gradients of data only
  overwrite,   ///< parameters().flat(gradients) is replaced
  accumulate,  ///< added to parameters().flat(gradients); needs parameters().make_accumulation()
};

class Network;

/// Hears when the gradients of a block's parameters have been enqueued:
/// Parameters::range(gradients, block) is then complete behind the work on `context`, and nothing
/// before it reads the block's values any more: they may be updated. Blocks come in the order of
/// the flat array.
class GradientObserver {
 public:
  virtual ~GradientObserver() = default;
  virtual void on_gradients(const Context& context, const Network& network, std::size_t block) = 0;
};

/// Who hears of a pass while it is enqueued, and where weight gradients are computed.
struct PassObservers {
  StageObserver* stages = nullptr;        ///< null: nobody
  GradientObserver* gradients = nullptr;  ///< null: nobody
  SideBranch* weights = nullptr;          ///< to be joined by the caller; null: the context
  /// With whom a training pass shares batch norm's statistics; its blocks were planned for that
  /// (PassOptions::norm_statistics). Empty: with nobody.
  NormExchange norm = {};
};

class Network {
 public:
  Network(const Context& context, std::vector<BlockSpec> blocks)
      : blocks_(std::move(blocks)), parameters_(context, blocks_) {}

  const std::vector<BlockSpec>& blocks() const { return blocks_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  /// Reads activations' input, writes its output. Enqueued.
  void forward(const Context& context, Activations& activations, Pass pass,
               const PassObservers& observers = {});

  /// Reads activations.output_gradient(); needs the forward pass that filled the activations.
  /// Writes the input's gradient where one is bound, and the parameters' gradients as asked.
  void backward(const Context& context, Activations& activations, ParamGrads grads,
                const PassObservers& observers = {});

  // One block of a pass: what forward() and backward() are made of.
  void forward_block(const Context& context, Activations& activations, std::size_t block, Pass pass,
                     const PassObservers& observers = {});
  void backward_block(const Context& context, Activations& activations, std::size_t block,
                      ParamGrads grads, const PassObservers& observers = {});

 private:
  BlockForward forward_tensors(const Activations& activations, std::size_t block) const;
  BlockBackward backward_tensors(const Activations& activations, std::size_t block,
                                 ParamGrads grads) const;

  std::vector<BlockSpec> blocks_;
  Parameters parameters_;
};

}  // namespace dcgan

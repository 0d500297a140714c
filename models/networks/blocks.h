// Blocks are data: a network is a list of them. A block is a convolution, an optional batch norm
// and an activation; it is the unit of fusion.
#pragma once

#include <string>
#include <vector>

#include "kernels/block/block.h"
#include "models/networks/model_config.h"

namespace dcgan {

struct BlockSpec {
  ConvSpec conv;
  Norm norm = Norm::batch;
  ActivationSpec activation;
  // PyTorch's module names: parameters are saved as conv_name + ".weight", norm_name + ".bias", ...
  std::string conv_name;
  std::string norm_name;        ///< empty without a norm
  std::string activation_name;  ///< of the module whose output is the block's output
  ConvBias bias = ConvBias::none;
};

/// z (N, 1, 1, nz) -> images (N, S, S, C) in (-1, 1).
std::vector<BlockSpec> generator_blocks(const ModelConfig& model);
/// Images (N, S, S, C) -> logits (N, 1, 1, 1). The sigmoid belongs to the loss.
std::vector<BlockSpec> discriminator_blocks(const ModelConfig& model);

/// Shapes of the blocks' outputs for an input (N, H, W, C).
std::vector<Shape> block_output_shapes(const std::vector<BlockSpec>& blocks, const Shape& input);

/// Learnable parameters: convolution weights and batch-norm weights and biases.
std::int64_t parameter_count(const std::vector<BlockSpec>& blocks);

}  // namespace dcgan

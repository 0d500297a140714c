// Blocks: cases and their comparison with float64, and a block's tensors on a device.
#pragma once

#include <vector>

#include "kernels/block/block.h"
#include "tests/cases/batch_norm.h"
#include "tests/reference/block.h"

namespace dcgan::test {

/// One block on one batch, between guard bytes; each pass has a workspace of the bytes that it asks
/// for.
struct BlockOnDevice {
  const Context& context;
  BlockConfig config;
  BlockPlan& plan;
  std::int64_t channels;
  GuardedTensor input, weights, conv_output, output;
  GuardedTensor norm_weight, norm_bias, running_mean, running_var, tracked, mean, invstd;
  GuardedTensor doutput, dinput, dweights, dnorm_weight, dnorm_bias, tickets;
  GuardedTensor forward_scratch, backward_scratch, weights_scratch;

  /// Input, weights and doutput are left to be written.
  BlockOnDevice(const Context& on, const BlockConfig& with, BlockPlan& by,
                const BatchNormState& state);
  BlockOnDevice(const Context& on, const BlockConfig& with, BlockPlan& by,
                const Values& input_values, const Values& weight_values,
                const Values& doutput_values, const BatchNormState& state);

  bool has_norm() const { return config.norm == Norm::batch; }
  /// Only what the contract says a block with or without a norm has.
  BlockForward forward_tensors() const;
  BlockBackward backward_tensors() const;
  /// The two calls behind backward_apply().
  void backward_convolution() const;
  Comparison guards() const;
  bool guards_intact() const { return guards().passed(); }

 private:
  GuardedTensor scratch(ConvPass pass) const;
};

struct BlockCase {
  ConvSpec conv;
  Shape input;  ///< (N, H, W, C)
  Norm norm = Norm::none;
  ActivationSpec activation;
  int norm_groups = 1;

  BlockConfig config(DType dtype) const {
    return {conv, norm, activation, input, norm_groups, dtype};
  }
};

std::string to_string(const BlockCase& one);

/// Stem, head, images and feature maps, with and without a norm, in one and two groups.
std::vector<BlockCase> block_cases();

/// Every call of a training step with its results, and guard bytes. What a call reads is what the
/// calls before it have stored, so that each bound is of one call, and no activation's mask depends
/// on rounding.
void check_block_training(const Context& context, const BlockConfig& config, BlockPlan& plan,
                          const Report& report);
/// Inference: its results, that nothing else changes, and guard bytes.
void check_block_inference(const Context& context, const BlockConfig& config, BlockPlan& plan,
                           const Report& report);

}  // namespace dcgan::test

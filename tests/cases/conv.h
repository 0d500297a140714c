// Convolutions: cases and the comparison of every pass with float64.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

struct ConvCase {
  ConvSpec spec;
  Shape input;  ///< (N, H, W, C)
  ActivationSpec activation;

  ConvConfig config(DType dtype) const { return {spec, activation, input, dtype}; }
};

std::string to_string(const ConvCase& one);

/// Odd and even extents, one to 64 channels, strides 1 and 2, stems, heads, every activation.
std::vector<ConvCase> conv_cases();

/// A workspace of the bytes that the pass asks for.
GuardedTensor scratch_for(const Context& context, const ConvPlan& plan, ConvPass pass);

struct ConvRun {
  Values y, dx, dweights;
  Values x_after, weights_after, dy_after;
  Comparison guards;
};

/// All passes, each with a workspace of its own.
ConvRun run_convolution(const Context& context, ConvPlan& plan, const ConvConfig& config,
                        const Values& x, const Values& weights, const Values& dy);

/// The forward pass of a config with ConvBias::per_channel.
void check_convolution_bias(const Context& context, const ConvConfig& config, ConvPlan& plan,
                            const Report& report);

/// Every result of all passes, that they leave their inputs unchanged, and guard bytes.
void check_convolution(const Context& context, const ConvConfig& config, ConvPlan& plan,
                       const Report& report);

}  // namespace dcgan::test

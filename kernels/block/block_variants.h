// The ways to compute a block behind block.h. Arguments have been checked.
#pragma once

#include "kernels/block/block.h"

namespace dcgan {

/// A convolution plan and the operations of batch norm, on any device, for every block.
std::unique_ptr<BlockPlan> make_composite_block(const Context& context, const BlockConfig& config);

namespace cuda {

/// The forward convolution of a block with a norm, by itself.
ConvConfig forward_of(const BlockConfig& config);

/// Candidates with kernels of their own, for this device alone.
std::vector<BlockCandidate> block_candidates();
/// The one whose convolve() takes the least time; results are compared with the first's. The choice
/// is kept in the plan cache.
std::unique_ptr<BlockPlan> plan_tuned_block(const Context& context, const BlockConfig& config,
                                            const std::vector<BlockCandidate>& candidates);

}  // namespace cuda

}  // namespace dcgan

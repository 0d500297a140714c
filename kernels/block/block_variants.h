// The ways to compute a block behind block.h. Arguments have been checked.
#pragma once

#include "kernels/block/block.h"

namespace dcgan {

/// A convolution plan and the operations of batch norm, on any device, for every block.
std::unique_ptr<BlockPlan> make_composite_block(const Context& context, const BlockConfig& config);

}  // namespace dcgan

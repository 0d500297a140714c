// What networks cost: multiply-accumulates and FLOPs of the adversarial step.
#pragma once

#include <cstdint>
#include <vector>

#include "models/networks/blocks.h"

namespace dcgan {

/// Multiply-accumulates of one forward pass of one image, block by block. `input` has one row.
std::vector<std::int64_t> forward_macs(const std::vector<BlockSpec>& blocks, const Shape& input);

/// FLOPs (2 per multiply-accumulate) of the convolutions of one whole step per image (one real and
/// one generated): the discriminator over both with both gradients (none for its input), the updated
/// discriminator over the fake with data gradients only, the generator once with both gradients
/// (none for the latent vector).
double step_flops_per_image(const std::vector<BlockSpec>& generator,
                            const std::vector<BlockSpec>& discriminator);

}  // namespace dcgan

// What networks cost: multiply-accumulates and FLOPs of the adversarial step.
#pragma once

#include <cstdint>
#include <vector>

#include "models/networks/blocks.h"
#include "runtime/base/dtype.h"

namespace dcgan {

/// Multiply-accumulates of one forward pass of one image, block by block. `input` has one row.
std::vector<std::int64_t> forward_macs(const std::vector<BlockSpec>& blocks, const Shape& input);

/// FLOPs (2 per multiply-accumulate) of the convolutions of one whole step per image (one real and
/// one generated): the discriminator over both with both gradients (none for its input), the
/// updated discriminator over the fake with data gradients only, the generator once with both
/// gradients (none for the latent vector).
double step_flops_per_image(const std::vector<BlockSpec>& generator,
                            const std::vector<BlockSpec>& discriminator);

enum class BytesPlan {
  fused,   ///< everything elementwise rides in the convolutions' prologues and epilogues: the least
  engine,  ///< what this engine moves: convolutions, two passes of batch norm each way
};

/// Elements of activations read and written in one step per image (one real and one generated), by
/// plan. Times the bytes of an element it is the traffic of a batch too large for the caches;
/// weights and optimiser come on top, per step.
///
/// fused: forward x + y; weight gradient x + dy, and the convolution's output where a norm's
/// backward pass rides in the prologue; data gradient the same dy side, + dx, + the stored tensor
/// of dx's size from which the epilogue takes the activation's derivative. engine: forward x + y;
/// weight gradient x + dy; data gradient dy + dx; batch norm 3 elements per value forward
/// (statistics; read and write) and 5 backward (sums: 2; apply: 3); blocks without a norm read
/// their output once more for the derivative.
double step_elements_per_image(const std::vector<BlockSpec>& generator,
                               const std::vector<BlockSpec>& discriminator, BytesPlan plan);

/// Least time of a step of `batch` images by the fused plan: for every convolution the longer of
/// its arithmetic and its bytes of activations, one after the other, then the bytes of the weights
/// (read in `dtype` by each forward and data-gradient pass, gradients written in float32 and read
/// by Adam with its three arrays). It is what the best possible kernels need, without gaps between
/// them.
double fused_step_seconds(const std::vector<BlockSpec>& generator,
                          const std::vector<BlockSpec>& discriminator, std::int64_t batch,
                          DType dtype, double flops_per_second, double bytes_per_second);

}  // namespace dcgan

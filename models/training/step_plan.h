// The memory and the passes of an adversarial step, laid out without allocating anything, so that
// `info` can print what a run would need.
#pragma once

#include <vector>

#include "kernels/loss/loss.h"
#include "kernels/optimizer/optimizer.h"
#include "models/networks/activations.h"

namespace dcgan {

struct StepConfig {
  std::int64_t batch = 64;  ///< images of each half
  LossOptions loss;
  OptimizerOptions generator;
  OptimizerOptions discriminator;
  DType dtype = DType::f32;  ///< of activations and of the weights that convolutions read
  ConvPolicy convolutions;
};

struct StepPlan {
  StepPlan(const Context& context, const std::vector<BlockSpec>& generator,
           const std::vector<BlockSpec>& discriminator, const StepConfig& config);

  MemoryPlan memory;   ///< assigned
  SlotId images;       ///< (2N, H, W, C): real, then fake
  SlotId latent;       ///< (N, 1, 1, nz)
  SlotId real_labels;  ///< (N) f32
  SlotId results;      ///< (kDiscriminatorResults + kGeneratorResults) f32
  SlotId non_finite;   ///< (1) i32
  SlotId workspace;    ///< u8, shared by all operations

  Activations generating;  ///< G(z), written into the second half of the images
  Activations on_both;     ///< D over real and fake
  Activations on_fake;     ///< the updated D over fake
};

}  // namespace dcgan

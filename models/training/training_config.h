// What is trained and how: everything that a training engine is made from. No files, no data set.
#pragma once

#include <cstdint>

#include "kernels/block/block.h"
#include "kernels/input/latent.h"
#include "kernels/loss/loss.h"
#include "kernels/optimizer/optimizer.h"
#include "models/networks/model_config.h"
#include "models/networks/precision.h"

namespace dcgan {

/// Where the targets of real images come from.
enum class RealLabels {
  constant,   ///< loss.real_label for every image
  per_image,  ///< the image source gives one a real image
};

/// What may run at the same time on a GPU. The results do not depend on it, but for the rounding of
/// library convolutions that are chosen anew.
enum class Overlap {
  none,
  launches,  ///< a kernel's blocks are started before the kernel before it has ended
  branches,  ///< weight gradients and optimiser beside data gradients, on a second stream
  all,
};

constexpr auto enum_table(Overlap) {
  return NameTable<Overlap, 4>{{{"none", Overlap::none},
                                {"launches", Overlap::launches},
                                {"branches", Overlap::branches},
                                {"all", Overlap::all}}};
}
constexpr bool overlaps_launches(Overlap overlap) {
  return overlap == Overlap::launches || overlap == Overlap::all;
}
constexpr bool overlaps_branches(Overlap overlap) {
  return overlap == Overlap::branches || overlap == Overlap::all;
}

/// How the ranks of a training work together; not used by a world of one.
struct RanksConfig {
  /// exchanged: batch norm over the images of all ranks (torch.nn.SyncBatchNorm).
  NormStatistics norm_statistics = NormStatistics::local;
  /// In which gradients travel: f32 or bf16.
  DType gradient_dtype = DType::f32;
  /// Gradients travel as soon as so many bytes of a network's are complete.
  std::int64_t bucket_bytes = 1'000'000;
};

struct TrainingConfig {
  ModelConfig model;
  std::int64_t batch = 64;  ///< real images of an update, and generated ones; of a rank
  std::int64_t discriminator_steps = 1;  ///< discriminator updates per generator update
  LossOptions loss;
  RealLabels real_labels = RealLabels::constant;
  OptimizerOptions generator;      ///< ema_decay > 0: an average of the generator's weights is kept
  OptimizerOptions discriminator;  ///< of the same kind
  LatentDistribution latent = LatentDistribution::normal;
  std::uint64_t seed = 0;  ///< of the initial weights and of the latent vectors
  Precision precision = Precision::fp32;
  ConvTuning tuning = ConvTuning::heuristic;
  Overlap overlap = Overlap::all;
  RanksConfig ranks;

  DType dtype() const { return dtype_of_activations(precision); }
  ConvPolicy conv_policy() const { return dcgan::conv_policy(precision, tuning); }
};

/// Throws Error(config) with the figures when a field is out of its range.
void require_valid(const TrainingConfig& config);

}  // namespace dcgan

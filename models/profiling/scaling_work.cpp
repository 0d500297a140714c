#include "models/profiling/scaling_work.h"

#include <numeric>

#include "kernels/norm/batch_norm.h"
#include "models/networks/cost.h"
#include "models/networks/parameters.h"
#include "models/training/gradient_buckets.h"
#include "models/training/scalars.h"
#include "models/training/step_ranks.h"

namespace dcgan {
namespace {

// Multiply-accumulates of the passes of one network for one image.
struct PassMacs {
  double forward = 0;            // and of all data gradients, the input's included
  std::vector<double> backward;  // of each block: both gradients, none of the input
  double backward_sum = 0;
};

PassMacs pass_macs(const std::vector<BlockSpec>& blocks, const Shape& input) {
  PassMacs macs;
  for (const std::int64_t count : forward_macs(blocks, input)) {
    const auto one = static_cast<double>(count);
    macs.forward += one;
    macs.backward.push_back(macs.backward.empty() ? one : 2 * one);
  }
  macs.backward_sum = std::accumulate(macs.backward.begin(), macs.backward.end(), 0.0);
  return macs;
}

std::vector<GradientTransfer> transfers(const std::vector<BlockSpec>& blocks, const PassMacs& macs,
                                        const RanksConfig& ranks) {
  const Context host(Device{DeviceType::cpu});
  const Parameters parameters(host, blocks);
  std::vector<GradientTransfer> result;
  double done = 0;
  for (const GradientBucket& bucket : gradient_buckets(parameters.blocks(), ranks.bucket_bytes)) {
    for (std::size_t i = bucket.first; i <= bucket.last; ++i) done += macs.backward[i];
    const auto bytes =
        static_cast<double>(bucket.count) * static_cast<double>(size_of(ranks.gradient_dtype));
    result.push_back({bytes, bucket.first == 0 ? 1.0 : done / macs.backward_sum});
  }
  return result;
}

// How often a network's passes are made in a step.
struct PassCounts {
  int forward = 1;
  int backward = 1;
};

// Statistics of every batch norm forward, sums backward.
void add_norms(const std::vector<BlockSpec>& blocks, int groups, PassCounts counts,
               std::vector<BlockingTransfer>& norms) {
  constexpr double kBytes = sizeof(float);
  for (const BlockSpec& block : blocks) {
    if (block.norm == Norm::none) continue;
    const std::int64_t channels = block.conv.out_channels;
    const auto statistics = [&](std::int64_t ranks) {
      return kBytes * static_cast<double>(BatchNormStatistics::elements(groups, ranks, channels));
    };
    norms.push_back({statistics(0), statistics(1) - statistics(0), counts.forward});
    const auto sums = static_cast<double>(BatchNormSums::elements(groups, 1, channels));
    norms.push_back({kBytes * sums, 0, counts.backward});
  }
}

}  // namespace

ScalingWork scaling_work(const TrainingConfig& config, bool overlaps) {
  const auto generator = generator_blocks(config.model);
  const auto discriminator = discriminator_blocks(config.model);
  const Shape latent{1, 1, 1, config.model.nz};
  const PassMacs g = pass_macs(generator, latent);
  const PassMacs d = pass_macs(discriminator, block_output_shapes(generator, latent).back());
  const auto updates = static_cast<int>(config.discriminator_steps);
  const double update_d = g.forward + 2 * (d.forward + d.backward_sum);
  const double all = updates * update_d + 2 * d.forward + g.backward_sum;
  const bool exchanges = config.ranks.norm_statistics == NormStatistics::exchanged;

  ScalingWork work;
  work.overlaps = overlaps && !exchanges;
  work.discriminator = {2 * d.backward_sum / all, updates,
                        transfers(discriminator, d, config.ranks)};
  work.generator = {g.backward_sum / all, 1, transfers(generator, g, config.ranks)};
  work.result_bytes = sizeof(float) * (kScalarSlots + kWishes);
  work.result_share = d.forward / all;  // D's data gradients
  if (!exchanges) return work;
  add_norms(generator, 1, {updates, 1}, work.norms);
  add_norms(discriminator, 2, {updates, updates}, work.norms);  // real and fake
  add_norms(discriminator, 1, {1, 1}, work.norms);              // fake
  return work;
}

}  // namespace dcgan

#include "models/training/step_memory.h"

#include <fmt/format.h>

#include <algorithm>

namespace dcgan {
namespace {

// CUDA gives memory out in pieces of this size.
constexpr std::size_t kGranuleBytes = std::size_t{2} << 20;

std::size_t workspace_bytes(const StepPlan& plan) {
  return plan.memory.slots()[static_cast<std::size_t>(plan.workspace.index)].bytes();
}

/// The largest batch below config.batch whose plan needs no more than `free`; 0: none. Throws when
/// a convolution cannot be planned in what is left.
std::int64_t largest_batch(const Context& context, const StepPlan& failed,
                           const std::vector<BlockSpec>& generator,
                           const std::vector<BlockSpec>& discriminator,
                           const TrainingConfig& config, std::size_t free) {
  // Nothing is timed here; a timed plan may want more workspace than the first proposal: as much as
  // at the failed batch is assumed.
  const auto needed = [&](std::int64_t batch) {
    TrainingConfig smaller = config;
    smaller.batch = batch;
    smaller.tuning = ConvTuning::off;
    const StepPlan plan(context, generator, discriminator, smaller);
    const std::size_t own = workspace_bytes(plan);
    const std::size_t bytes = plan.memory.bytes() + std::max(own, workspace_bytes(failed)) - own;
    return (bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
  };
  std::int64_t fits = 0;
  std::int64_t too_large = config.batch;
  while (too_large - fits > 1) {
    const std::int64_t middle = fits + (too_large - fits) / 2;
    (needed(middle) <= free ? fits : too_large) = middle;
  }
  return fits;
}

}  // namespace

Arena allocate_step(const Context& context, const StepPlan& plan,
                    const std::vector<BlockSpec>& generator,
                    const std::vector<BlockSpec>& discriminator, const TrainingConfig& config) {
  try {
    return Arena(context, plan.memory);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    constexpr double kMiB = 1 << 20;
    const std::size_t free = free_bytes(context);
    std::string advice;
    try {
      const std::int64_t batch =
          largest_batch(context, plan, generator, discriminator, config, free);
      advice = batch > 0 ? fmt::format("the largest batch that fits is {} (--batch-size {})", batch,
                                       batch)
                         : "not even a batch of 1 fits";
    } catch (const Error& planning) {
      advice = fmt::format("take a smaller --batch-size (which one fits is not known: {})",
                           planning.what());
    }
    fail(ErrorKind::unavailable,
         "step: batch {} needs {:.1f} MiB for activations beside the networks, {} has {:.1f} MiB "
         "free; {}",
         config.batch, static_cast<double>(plan.memory.bytes()) / kMiB, to_string(context.device()),
         static_cast<double>(free) / kMiB, advice);
  }
}

}  // namespace dcgan

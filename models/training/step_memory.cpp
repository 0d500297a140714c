#include "models/training/step_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "runtime/base/mebibytes.h"
#include "runtime/device/memory_budget.h"

namespace dcgan {
namespace {

std::size_t workspace_bytes(const StepPlan& plan) {
  return plan.memory.slots()[static_cast<std::size_t>(plan.workspace.index)].bytes();
}

// What was asked for and why it cannot be had; the advice is worked out only then.
struct Request {
  const Context& context;
  const StepPlan& plan;
  const std::vector<BlockSpec>& generator;
  const std::vector<BlockSpec>& discriminator;
  const TrainingConfig& config;
  std::size_t reserve_bytes;

  // Nothing is timed here; a tuned plan may want more workspace than the first proposal: as much as
  // at the failed batch is assumed.
  MemoryBudget budget_of(std::int64_t batch) const {
    TrainingConfig smaller = config;
    smaller.batch = batch;
    smaller.tuning = ConvTuning::off;
    const StepPlan other(context, generator, discriminator, smaller, plan.options);
    const std::size_t own = workspace_bytes(other);
    MemoryBudget budget(context.device());
    budget.add("step", other.memory.bytes() + std::max(own, workspace_bytes(plan)) - own);
    budget.add("reserve", reserve_bytes);
    return budget;
  }

  std::string advice(std::size_t free) const try {
    const std::int64_t batch =
        config.batch == 1 ? 0
                          : largest_batch_that_fits(config.batch - 1, free, [this](std::int64_t n) {
                              return budget_of(n);
                            });
    return batch > 0
               ? fmt::format("the largest batch that fits is {} (--batch-size {})", batch, batch)
               : "not even a batch of 1 fits";
  } catch (const Error& planning) {
    return fmt::format("take a smaller --batch-size (which one fits is not known: {})",
                       planning.what());
  }

  [[noreturn]] void refuse() const {
    const std::size_t free = free_bytes(context);
    const std::string reserve = reserve_bytes == 0 ? std::string()
                                                   : fmt::format(" and {:.1f} MiB for what follows",
                                                                 mebibytes(reserve_bytes));
    fail(ErrorKind::unavailable,
         "step: batch {} needs {:.1f} MiB for activations beside the networks{}, {} has {:.1f} MiB "
         "free; {}",
         config.batch, mebibytes(plan.memory.bytes()), reserve, to_string(context.device()),
         mebibytes(free), advice(free));
  }
};

std::optional<Arena> try_allocate(const Context& context, const MemoryPlan& plan) {
  try {
    return Arena(context, plan);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    return std::nullopt;
  }
}

}  // namespace

Arena allocate_step(const Context& context, const StepPlan& plan,
                    const std::vector<BlockSpec>& generator,
                    const std::vector<BlockSpec>& discriminator, const TrainingConfig& config,
                    std::size_t reserve_bytes) {
  const Request request{context, plan, generator, discriminator, config, reserve_bytes};
  std::optional<Arena> arena = try_allocate(context, plan.memory);
  if (!arena) request.refuse();
  // A host's memory is not counted: what the system reports as free leaves out what it would give.
  if (context.is_cuda() && free_bytes(context) < reserve_bytes) {
    arena.reset();
    request.refuse();
  }
  return std::move(*arena);
}

}  // namespace dcgan

// The memory of an adversarial step, and what to do when there is not enough of it.
#pragma once

#include <cstddef>

#include "models/training/step_plan.h"

namespace dcgan {

/// Allocates what `plan` laid out. When the device has not enough, also for the `reserve_bytes`
/// that the caller will allocate later, throws Error(unavailable) with need, free and the largest
/// batch that fits beside what is allocated already and the reserve (found by laying out smaller
/// ones). `generator`, `discriminator` and `config` are what the plan was made from.
Arena allocate_step(const Context& context, const StepPlan& plan,
                    const std::vector<BlockSpec>& generator,
                    const std::vector<BlockSpec>& discriminator, const TrainingConfig& config,
                    std::size_t reserve_bytes);

}  // namespace dcgan

// Where in a run a step is, and at which step the run ends.
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/base/enum_names.h"

namespace dcgan {

enum class StopReason { epochs, steps, time, equilibrium, signal };

constexpr auto enum_table(StopReason) {
  return NameTable<StopReason, 5>{{{"epochs", StopReason::epochs},
                                   {"steps", StopReason::steps},
                                   {"time", StopReason::time},
                                   {"equilibrium", StopReason::equilibrium},
                                   {"signal", StopReason::signal}}};
}

struct Schedule {
  std::int64_t epochs = 0;               ///< passes over the data set; 0: no limit
  std::int64_t steps = 0;                ///< 0: no limit
  std::int64_t batches_per_epoch = 1;    ///< whole batches
  std::int64_t discriminator_steps = 1;  ///< batches that a step takes

  /// The step with which the run ends; 0: no limit. A run makes at least one step.
  std::int64_t last_step() const;
  /// That a run begins: `epochs`, or those of `steps`; 0: no limit.
  std::int64_t epochs_in_all() const;
  /// Why the run ends after `step`, when it does.
  std::optional<StopReason> reason_to_stop(std::int64_t step) const;
  /// Of the last batch that `step` steps took, counted from 0.
  std::int64_t epoch_of(std::int64_t step) const { return last_batch(step) / batches_per_epoch; }
  std::int64_t batch_of(std::int64_t step) const { return last_batch(step) % batches_per_epoch; }

 private:
  std::int64_t last_batch(std::int64_t step) const;
};

}  // namespace dcgan

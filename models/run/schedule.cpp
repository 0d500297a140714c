#include "models/run/schedule.h"

#include <algorithm>

namespace dcgan {

std::int64_t Schedule::last_step() const {
  const std::int64_t by_epochs =
      epochs == 0 ? INT64_MAX : epochs * batches_per_epoch / discriminator_steps;
  const std::int64_t by_steps = steps == 0 ? INT64_MAX : steps;
  const std::int64_t last = std::min(by_epochs, by_steps);
  return last == INT64_MAX ? 0 : std::max<std::int64_t>(last, 1);
}

std::int64_t Schedule::epochs_in_all() const {
  if (epochs > 0 || steps == 0) return epochs;
  return epoch_of(steps) + 1;
}

std::optional<StopReason> Schedule::reason_to_stop(std::int64_t step) const {
  const std::int64_t last = last_step();
  if (last == 0 || step < last) return std::nullopt;
  return steps > 0 && step >= steps ? StopReason::steps : StopReason::epochs;
}

std::int64_t Schedule::last_batch(std::int64_t step) const {
  return std::max<std::int64_t>(step * discriminator_steps - 1, 0);
}

}  // namespace dcgan

#include "models/run/hooks/equilibrium.h"

#include <cmath>

namespace dcgan {

void EquilibriumHook::on_results(HookContext& run) {
  if (!options_.stop) return;
  constexpr double kDecay = 0.99;
  const double accuracy = run.report.scalars[Scalar::accuracy];
  smoothed_ = kDecay * smoothed_ + (1.0 - kDecay) * accuracy;
  const bool inside = std::fabs(smoothed_ - 0.5) <= options_.margin;
  steps_inside_ = inside ? steps_inside_ + 1 : 0;
}

std::optional<StopReason> EquilibriumHook::reason_to_stop() const {
  if (!options_.stop || steps_inside_ < options_.steps) return std::nullopt;
  return StopReason::equilibrium;
}

void EquilibriumHook::save(StateJson& state) const {
  state["equilibrium"] = {{"smoothed_accuracy", smoothed_}, {"steps_inside", steps_inside_}};
}

void EquilibriumHook::restore(const StateJson& state) {
  const auto entry = state.find("equilibrium");
  if (entry == state.end()) fail(ErrorKind::bad_data, "equilibrium: is missing");
  read_entry(*entry, "smoothed_accuracy", smoothed_);
  read_entry(*entry, "steps_inside", steps_inside_);
}

}  // namespace dcgan

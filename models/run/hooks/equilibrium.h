// The criterion of the original algorithm: at the equilibrium of the game the discriminator is
// right half of the time (Goodfellow et al. 2014, section 4.1).
#pragma once

#include <cstdint>

#include "models/run/hooks/hook.h"

namespace dcgan {

struct EquilibriumOptions {
  bool stop = false;         ///< whether the run ends there; else nothing is followed
  double margin = 0.02;      ///< of the smoothed accuracy around one half
  std::int64_t steps = 500;  ///< on end that it must stay within the margin
};

/// Follows the discriminator's accuracy at every step, smoothed exponentially over about a hundred.
class EquilibriumHook : public Hook {
 public:
  explicit EquilibriumHook(const EquilibriumOptions& options) : options_(options) {}

  Need need(std::int64_t) const override {
    return options_.stop ? Need::results_now : Need::nothing;
  }
  void on_results(HookContext& run) override;
  std::optional<StopReason> reason_to_stop() const override;
  void save(StateJson& state) const override;
  void restore(const StateJson& state) override;

 private:
  EquilibriumOptions options_;
  double smoothed_ = 1.0;          // begins at "always right", so that it must come down first
  std::int64_t steps_inside_ = 0;  // on end within the margin
};

}  // namespace dcgan

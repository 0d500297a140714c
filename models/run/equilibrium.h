// The criterion of the original algorithm: at the equilibrium of the game the discriminator is
// right half of the time (Goodfellow et al. 2014, section 4.1).
#pragma once

#include <cmath>
#include <cstdint>

namespace dcgan {

/// Follows the discriminator's accuracy, smoothed exponentially over about a hundred steps.
class EquilibriumDetector {
 public:
  struct State {
    double smoothed = 1.0;          ///< begins at "always right", so that it must come down first
    std::int64_t steps_inside = 0;  ///< steps on end within the margin
  };

  EquilibriumDetector(double margin, std::int64_t steps) : margin_(margin), steps_(steps) {}

  void observe(double accuracy) {
    constexpr double kDecay = 0.99;
    state_.smoothed = kDecay * state_.smoothed + (1.0 - kDecay) * accuracy;
    const bool inside = std::fabs(state_.smoothed - 0.5) <= margin_;
    state_.steps_inside = inside ? state_.steps_inside + 1 : 0;
  }
  bool reached() const { return state_.steps_inside >= steps_; }

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  double margin_;
  std::int64_t steps_;
  State state_;
};

}  // namespace dcgan

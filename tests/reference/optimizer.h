// Adam and RMSprop in float64, element by element.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/optimizer/optimizer.h"
#include "tests/reference/values.h"

namespace dcgan::reference {

struct OptimizerState {
  Values values, first_moment, second_moment, ema;  // (P)
  std::int64_t step = 0;
};

inline void optimizer_step(OptimizerState& state, const Values& gradients,
                           const OptimizerOptions& options) {
  const double rate = options.learning_rate, epsilon = options.epsilon;
  const double beta1 = options.beta1, beta2 = options.beta2, alpha = options.alpha;
  const double clip = options.weight_clip, decay = options.ema_decay;
  const auto t = static_cast<double>(++state.step);
  for (std::int64_t i = 0; i < gradients.elements(); ++i) {
    const double g = gradients[i];
    double& m = state.first_moment[i];
    double& v = state.second_moment[i];
    double& p = state.values[i];
    if (options.kind == OptimizerKind::adam) {
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      p -= rate / (1 - std::pow(beta1, t)) * m /
           (std::sqrt(v) / std::sqrt(1 - std::pow(beta2, t)) + epsilon);
    } else {
      v = alpha * v + (1 - alpha) * g * g;
      p -= rate * g / (std::sqrt(v) + epsilon);
    }
    if (clip > 0) p = std::clamp(p, -clip, clip);
    state.ema[i] = decay * state.ema[i] + (1 - decay) * p;
  }
}

}  // namespace dcgan::reference

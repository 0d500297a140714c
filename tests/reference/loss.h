// Adversarial losses in float64, one logit at a time; gradients are left to finite differences.
#pragma once

#include <cmath>

#include "kernels/loss/loss.h"
#include "tests/reference/values.h"

namespace dcgan::reference {

inline double log1p_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)).
inline double cross_entropy(double x, double t) {
  return t * log1p_exp(-x) + (1 - t) * log1p_exp(x);
}

inline double discriminator_share(LossKind kind, double x, bool real, double label) {
  switch (kind) {
    case LossKind::minimax:
    case LossKind::non_saturating:
      return cross_entropy(x, label);
    case LossKind::lsgan:
      return (x - label) * (x - label) / 2;
    case LossKind::hinge:
      return std::max(0.0, real ? 1 - x : 1 + x);
    case LossKind::wgan:
      break;
  }
  return real ? -x : x;
}

inline double generator_share(LossKind kind, double x) {
  switch (kind) {
    case LossKind::minimax:
      return -log1p_exp(x);
    case LossKind::non_saturating:
      return cross_entropy(x, 1);
    case LossKind::lsgan:
      return (x - 1) * (x - 1) / 2;
    case LossKind::hinge:
    case LossKind::wgan:
      break;
  }
  return -x;
}

inline double watched(LossKind kind, double x) {
  return kind == LossKind::minimax || kind == LossKind::non_saturating ? sigmoid(x) : x;
}

inline double right_share(LossKind kind, double x, bool real) {
  const double border = kind == LossKind::lsgan ? 0.5 : 0.0;
  if (x == border) return 0.5;
  return (x > border) == real ? 1 : 0;
}

}  // namespace dcgan::reference

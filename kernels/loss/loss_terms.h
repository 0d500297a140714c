// One logit's share of a loss, its derivative, and the figures people watch, for both devices.
// Formulas: loss.h. Without the division by the number of images.
#pragma once

#include <cmath>

#include "kernels/loss/loss.h"
#include "runtime/base/portability.h"

namespace dcgan {

/// 1 / (1 + exp(-x)) without overflow: the exponent is never above 0.
DCGAN_HOST_DEVICE inline float sigmoid(float x) {
  const float e = expf(-fabsf(x));
  return x >= 0.0f ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

/// log(1 + exp(x)), for any finite x.
DCGAN_HOST_DEVICE inline float softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)));
}

struct LossTerm {
  float loss;
  float derivative;
};

/// Binary cross-entropy against target t. max(x, 0) - x t is written by the sign of x, so that
/// a target of one does not subtract two large equal numbers.
DCGAN_HOST_DEVICE inline LossTerm binary_cross_entropy(float x, float t) {
  const float tail = log1pf(expf(-fabsf(x)));
  const float linear = x > 0.0f ? x * (1.0f - t) : -x * t;
  return {linear + tail, sigmoid(x) - t};
}

/// A real (real == true) or generated image in the discriminator's loss. At the kink of the hinge
/// the derivative is 0, as in PyTorch.
DCGAN_HOST_DEVICE inline LossTerm discriminator_term(LossKind kind, float x, bool real,
                                                     float label) {
  const float sign = real ? -1.0f : 1.0f;
  switch (kind) {
    case LossKind::minimax:
    case LossKind::non_saturating:
      return binary_cross_entropy(x, label);
    case LossKind::lsgan:
      return {0.5f * (x - label) * (x - label), x - label};
    case LossKind::hinge: {
      const float margin = 1.0f + sign * x;
      // `margin <= 0`, not `> 0`: NaN must come through.
      return {margin <= 0.0f ? 0.0f : margin, margin <= 0.0f ? 0.0f : sign};
    }
    case LossKind::wgan:
      break;
  }
  return {sign * x, sign};
}

/// A generated image in the generator's loss.
DCGAN_HOST_DEVICE inline LossTerm generator_term(LossKind kind, float x) {
  switch (kind) {
    case LossKind::minimax:
      return {-softplus(x), -sigmoid(x)};
    case LossKind::non_saturating:
      return binary_cross_entropy(x, 1.0f);
    case LossKind::lsgan:
      return {0.5f * (x - 1.0f) * (x - 1.0f), x - 1.0f};
    case LossKind::hinge:
    case LossKind::wgan:
      break;
  }
  return {-x, -1.0f};
}

/// D(x) as people watch it: a probability where the loss has one, else the logit.
DCGAN_HOST_DEVICE inline float watched_output(LossKind kind, float x) {
  return kind == LossKind::minimax || kind == LossKind::non_saturating ? sigmoid(x) : x;
}

/// 1 on the right side of the border between real and generated, 1/2 on it, 0 otherwise.
DCGAN_HOST_DEVICE inline float right_side(LossKind kind, float x, bool real) {
  const float border = kind == LossKind::lsgan ? 0.5f : 0.0f;
  if (x == border) return 0.5f;
  return (real ? x > border : x < border) ? 1.0f : 0.0f;
}

}  // namespace dcgan

// Adversarial losses from logits, their gradients, and the figures people watch, in one pass.
//
//   kind             discriminator (minimised)                       generator (minimised)
//   minimax          BCE(x, real_label) , BCE(x, fake_label)         mean log(1 - sigmoid(x))
//   non_saturating   the same                                        BCE(x, 1)
//   lsgan            mean (x - real_label)^2 / 2, ... fake_label     mean (x - 1)^2 / 2
//   hinge            mean max(0, 1 - x), mean max(0, 1 + x)          -mean x
//   wgan             -mean x, +mean x                                -mean x
//
// BCE(x, t) = mean (max(x, 0) - x t + log(1 + exp(-|x|))): exact for any finite logit.
// Sources: Goodfellow et al. 2014; Mao et al. 2017; Lim and Ye 2017; Arjovsky et al. 2017.
#pragma once

#include <cstdint>

#include "runtime/base/enum_names.h"
#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class LossKind { minimax, non_saturating, lsgan, hinge, wgan };

constexpr auto enum_table(LossKind) {
  return NameTable<LossKind, 5>{{{"non-saturating", LossKind::non_saturating},
                                 {"minimax", LossKind::minimax},
                                 {"lsgan", LossKind::lsgan},
                                 {"hinge", LossKind::hinge},
                                 {"wgan", LossKind::wgan}}};
}

struct LossOptions {
  LossKind kind = LossKind::non_saturating;
  float real_label = 1.0f;  ///< below one: one-sided label smoothing; BCE and lsgan only
  float fake_label = 0.0f;  ///< above zero: two-sided; BCE and lsgan only
};

/// Whether the loss compares logits with labels: hinge and wgan do not.
constexpr bool uses_labels(LossKind kind) {
  return kind != LossKind::hinge && kind != LossKind::wgan;
}

/// Throws Error(config) when labels are given to a loss that has none.
void require_valid(const LossOptions& options);

/// Places in the results of discriminator_loss, f32.
enum DiscriminatorResult {
  kErrDReal = 0,  ///< loss on real images
  kErrDFake,      ///< loss on generated images
  kDx,        ///< mean D(x): of sigmoid(logit) for minimax and non_saturating, else of the logit
  kDGz1,      ///< mean D(G(z)) before the discriminator's update, likewise
  kAccuracy,  ///< share of the 2N images on the right side (logit 0; lsgan: 1/2), ties half
  kDiscriminatorResults
};

/// Places in the results of generator_loss, f32.
enum GeneratorResult {
  kErrG = 0,  ///< loss
  kDGz2,      ///< mean D(G(z)) with the updated discriminator
  kGeneratorResults
};

struct DiscriminatorLoss {
  ConstTensorView logits;       ///< (2N) f32 or bf16, real half first
  ConstTensorView labels;       ///< (2) f32 on the device: of real and of fake images
  ConstTensorView real_labels;  ///< (N) f32: one target an image instead of labels[0]; or empty
  TensorView dlogits;           ///< (2N), type of logits: gradient of errD_real + errD_fake
  TensorView results;           ///< (kDiscriminatorResults) f32
  /// Images that every mean is over, and 1 / mean_over the gradient's factor: of one half, over all
  /// ranks, whose results and gradients then add up to those of the whole batch. 0: N.
  std::int64_t mean_over = 0;
};
/// Labels lie in device memory, so that a captured graph follows when they change. Losses without
/// labels do not read them.
void discriminator_loss(const Context& context, const DiscriminatorLoss& tensors, LossKind kind);

struct GeneratorLoss {
  ConstTensorView logits;      ///< (N) f32 or bf16
  TensorView dlogits;          ///< (N), type of logits
  TensorView results;          ///< (kGeneratorResults) f32
  std::int64_t mean_over = 0;  ///< likewise
};
void generator_loss(const Context& context, const GeneratorLoss& tensors, LossKind kind);

}  // namespace dcgan

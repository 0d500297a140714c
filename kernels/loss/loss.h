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

/// logits: (2N) f32 or bf16, real half first. real_labels: (N) f32, one target an image instead of
/// options.real_label, or empty. dlogits: (2N), type of logits: gradient of errD_real + errD_fake.
/// results: (kDiscriminatorResults) f32.
void discriminator_loss(const Context& context, ConstTensorView logits, ConstTensorView real_labels,
                        TensorView dlogits, TensorView results, const LossOptions& options);

/// logits, dlogits: (N). results: (kGeneratorResults) f32. Labels of `options` are not used.
void generator_loss(const Context& context, ConstTensorView logits, TensorView dlogits,
                    TensorView results, const LossOptions& options);

}  // namespace dcgan

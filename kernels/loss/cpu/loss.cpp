// A few hundred logits: one thread, sums in double, images in order.
#include "kernels/common/cpu_loops.h"
#include "kernels/loss/loss_terms.h"
#include "kernels/loss/loss_variants.h"

namespace dcgan::cpu {
namespace {

struct HalfSums {
  double loss = 0, watched = 0, right = 0;
};

/// One half of the discriminator's batch.
template <class T>
struct Half {
  const T* logits;
  T* dlogits;
  std::int64_t count;
  const float* labels;  // one an image, or null for `label`
  float label;
  bool real;
};

template <class T>
HalfSums discriminator_half(const Half<T>& half, float share, LossKind kind) {
  HalfSums sums;
  const bool real = half.real;
  for (std::int64_t n = 0; n < half.count; ++n) {
    const auto x = static_cast<float>(half.logits[n]);
    const LossTerm term =
        discriminator_term(kind, x, real, half.labels != nullptr ? half.labels[n] : half.label);
    half.dlogits[n] = static_cast<T>(term.derivative * share);
    sums.loss += static_cast<double>(term.loss);
    sums.watched += static_cast<double>(watched_output(kind, x));
    sums.right += static_cast<double>(right_side(kind, x, real));
  }
  return sums;
}

}  // namespace

void discriminator_loss(const Context& /*context*/, const DiscriminatorLoss& tensors,
                        LossKind kind) {
  const std::int64_t half = tensors.logits.elements() / 2;
  const float* real_labels =
      tensors.real_labels.empty() ? nullptr : tensors.real_labels.as<float>();
  const auto* labels = tensors.labels.as<float>();
  auto* out = tensors.results.as<float>();
  with_float_type(tensors.logits.dtype, [&]<class T>() {
    const T* x = tensors.logits.as<T>();
    T* dx = tensors.dlogits.as<T>();
    const float share = 1.0f / static_cast<float>(tensors.mean_over);
    const HalfSums real =
        discriminator_half(Half<T>{x, dx, half, real_labels, labels[0], true}, share, kind);
    const HalfSums fake = discriminator_half(
        Half<T>{x + half, dx + half, half, nullptr, labels[1], false}, share, kind);
    const double count = static_cast<double>(tensors.mean_over);
    out[kErrDReal] = static_cast<float>(real.loss / count);
    out[kErrDFake] = static_cast<float>(fake.loss / count);
    out[kDx] = static_cast<float>(real.watched / count);
    out[kDGz1] = static_cast<float>(fake.watched / count);
    out[kAccuracy] = static_cast<float>((real.right + fake.right) / (2.0 * count));
  });
}

void generator_loss(const Context& /*context*/, const GeneratorLoss& tensors, LossKind kind) {
  const std::int64_t count = tensors.logits.elements();
  const float share = 1.0f / static_cast<float>(tensors.mean_over);
  const auto means = static_cast<double>(tensors.mean_over);
  auto* out = tensors.results.as<float>();
  with_float_type(tensors.logits.dtype, [&]<class T>() {
    const T* x = tensors.logits.as<T>();
    T* dx = tensors.dlogits.as<T>();
    double loss = 0;
    double watched = 0;
    for (std::int64_t n = 0; n < count; ++n) {
      const auto logit = static_cast<float>(x[n]);
      const LossTerm term = generator_term(kind, logit);
      dx[n] = static_cast<T>(term.derivative * share);
      loss += static_cast<double>(term.loss);
      watched += static_cast<double>(watched_output(kind, logit));
    }
    out[kErrG] = static_cast<float>(loss / means);
    out[kDGz2] = static_cast<float>(watched / means);
  });
}

}  // namespace dcgan::cpu

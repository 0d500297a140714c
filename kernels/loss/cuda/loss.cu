// One block: a batch of logits is a few hundred numbers, and a launch costs more than they do. Up
// to tens of thousands still take a few microseconds.
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/loss/loss_terms.h"
#include "kernels/loss/loss_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 1024;

template <class T>
struct DiscriminatorArguments {
  const T* logits;           // (2N), real half first
  const float* labels;       // (2): of real and fake images
  const float* real_labels;  // (N), or null for labels[0]
  T* dlogits;                // (2N)
  float* results;
  std::int64_t half;
  std::int64_t mean_over;
};

template <class T, LossKind kind>
__global__ void __launch_bounds__(kThreads)
    discriminator_loss_kernel(DiscriminatorArguments<T> arguments) {
  start_after_previous();
  DCGAN_SHARED(float, shared, [kDiscriminatorResults][32]);
  const std::int64_t half = arguments.half;
  const float share = 1.0f / static_cast<float>(arguments.mean_over);
  const float real_label = arguments.labels[0];
  const float fake_label = arguments.labels[1];
  float real_loss = 0.0f;
  float fake_loss = 0.0f;
  float real_watched = 0.0f;
  float fake_watched = 0.0f;
  float right = 0.0f;
  for (std::int64_t n = threadIdx.x; n < half; n += kThreads) {
    const float real = load_one(arguments.logits + n);
    const float fake = load_one(arguments.logits + half + n);
    const float label = arguments.real_labels != nullptr ? arguments.real_labels[n] : real_label;
    const LossTerm on_real = discriminator_term(kind, real, true, label);
    const LossTerm on_fake = discriminator_term(kind, fake, false, fake_label);
    store_one(arguments.dlogits + n, on_real.derivative * share);
    store_one(arguments.dlogits + half + n, on_fake.derivative * share);
    real_loss += on_real.loss;
    fake_loss += on_fake.loss;
    real_watched += watched_output(kind, real);
    fake_watched += watched_output(kind, fake);
    right += right_side(kind, real, true) + right_side(kind, fake, false);
  }
  real_loss = block_sum<kThreads>(real_loss, shared[kErrDReal]);
  fake_loss = block_sum<kThreads>(fake_loss, shared[kErrDFake]);
  real_watched = block_sum<kThreads>(real_watched, shared[kDx]);
  fake_watched = block_sum<kThreads>(fake_watched, shared[kDGz1]);
  right = block_sum<kThreads>(right, shared[kAccuracy]);
  if (threadIdx.x != 0) return;
  const auto count = static_cast<float>(arguments.mean_over);
  arguments.results[kErrDReal] = real_loss / count;
  arguments.results[kErrDFake] = fake_loss / count;
  arguments.results[kDx] = real_watched / count;
  arguments.results[kDGz1] = fake_watched / count;
  arguments.results[kAccuracy] = right / (2.0f * count);
}

template <class T, LossKind kind>
__global__ void __launch_bounds__(kThreads)
    generator_loss_kernel(const T* logits, T* dlogits, float* results, std::int64_t count,
                          std::int64_t mean_over) {
  start_after_previous();
  DCGAN_SHARED(float, shared, [kGeneratorResults][32]);
  const auto means = static_cast<float>(mean_over);
  const float share = 1.0f / means;
  float loss = 0.0f;
  float watched = 0.0f;
  for (std::int64_t n = threadIdx.x; n < count; n += kThreads) {
    const float logit = load_one(logits + n);
    const LossTerm term = generator_term(kind, logit);
    store_one(dlogits + n, term.derivative * share);
    loss += term.loss;
    watched += watched_output(kind, logit);
  }
  loss = block_sum<kThreads>(loss, shared[kErrG]);
  watched = block_sum<kThreads>(watched, shared[kDGz2]);
  if (threadIdx.x != 0) return;
  results[kErrG] = loss / means;
  results[kDGz2] = watched / means;
}

template <class Body>
void with_loss_kind(LossKind kind, const Body& body) {
  switch (kind) {
    case LossKind::minimax:
      return body.template operator()<LossKind::minimax>();
    case LossKind::non_saturating:
      return body.template operator()<LossKind::non_saturating>();
    case LossKind::lsgan:
      return body.template operator()<LossKind::lsgan>();
    case LossKind::hinge:
      return body.template operator()<LossKind::hinge>();
    case LossKind::wgan:
      return body.template operator()<LossKind::wgan>();
  }
}

}  // namespace

void discriminator_loss(const Context& context, const DiscriminatorLoss& tensors, LossKind kind) {
  with_storage(tensors.logits.dtype, [&]<class T>() {
    with_loss_kind(kind, [&]<LossKind loss>() {
      const DiscriminatorArguments<T> arguments{
          tensors.logits.as<T>(),
          tensors.labels.as<float>(),
          tensors.real_labels.empty() ? nullptr : tensors.real_labels.as<float>(),
          tensors.dlogits.as<T>(),
          tensors.results.as<float>(),
          tensors.logits.elements() / 2,
          tensors.mean_over};
      launch(context, discriminator_loss_kernel<T, loss>,
             {"discriminator_loss_kernel", dim3(1), dim3(kThreads)}, arguments);
    });
  });
}

void generator_loss(const Context& context, const GeneratorLoss& tensors, LossKind kind) {
  with_storage(tensors.logits.dtype, [&]<class T>() {
    with_loss_kind(kind, [&]<LossKind loss>() {
      launch(context, generator_loss_kernel<T, loss>,
             {"generator_loss_kernel", dim3(1), dim3(kThreads)}, tensors.logits.as<T>(),
             tensors.dlogits.as<T>(), tensors.results.as<float>(), tensors.logits.elements(),
             tensors.mean_over);
    });
  });
}

}  // namespace dcgan::cuda

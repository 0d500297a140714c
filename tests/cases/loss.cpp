#include "tests/cases/loss.h"

#include "tests/reference/loss.h"
#include "tests/reference/tolerance.h"

namespace dcgan::test {
namespace {

using reference::tolerance;

// Random logits of which none is at one of the hinge's kinks, where a central difference gives
// neither derivative.
Values logits_off_kinks(std::int64_t count, DType dtype) {
  Values logits = reference::random_values({count}, 1, dtype, 0.0, 2.0);
  for (double& x : logits.v) {
    if (std::fabs(std::fabs(x) - 1.0) < 1e-3) x *= 0.75;
  }
  return reference::stored_as(dtype, logits);
}

double real_label(const LossOptions& options, const Values& real_labels, std::int64_t image) {
  return real_labels.elements() > 0 ? real_labels[image] : static_cast<double>(options.real_label);
}

// Gradient of the mean over n images; logit i contributes term(i, logit) to the sum.
template <class Term>
Values gradient_of_mean(const Values& logits, std::int64_t n, const Term& term) {
  constexpr double kStep = 1e-5;
  Values gradient(logits.shape);
  for (std::int64_t i = 0; i < logits.elements(); ++i) {
    const double difference = term(i, logits[i] + kStep) - term(i, logits[i] - kStep);
    gradient[i] = difference / (2 * kStep) / static_cast<double>(n);
  }
  return gradient;
}

// A gradient is a few float32 operations on one logit, then stored. The central differences of the
// reference are exact to about 1e-9.
double gradient_bound(DType dtype) { return tolerance(dtype, 1) + 1e-8; }

// The relative bound is on all results together: a small one beside a large one is held to this.
constexpr double kResultBound = 1e-5;

constexpr std::int64_t kImages[] = {1, 2, 7, 37, 64, 300, 3100};

}  // namespace

std::string to_string(const LossCase& one) {
  std::string text(enum_name(one.options.kind));
  text += ", images " + std::to_string(one.images);
  if (one.options.real_label != 1.0f || one.options.fake_label != 0.0f) text += ", smoothed labels";
  if (one.real_labels == RealLabels::by_image) text += ", labels by image";
  return text;
}

std::vector<LossCase> generator_loss_cases() {
  std::vector<LossCase> cases;
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    for (const std::int64_t images : kImages) cases.push_back({{kind}, images});
  }
  return cases;
}

std::vector<LossCase> discriminator_loss_cases() {
  std::vector<LossCase> cases = generator_loss_cases();
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    if (!uses_labels(kind)) continue;
    for (const RealLabels labels : {RealLabels::one_value, RealLabels::by_image}) {
      cases.push_back({{kind, 0.9f}, 7, labels});
      cases.push_back({{kind, 0.9f, 0.1f}, 7, labels});
    }
  }
  return cases;
}

LossResult run_discriminator_loss(const Context& context, const Values& logits,
                                  const Values& real_labels, DType dtype,
                                  const LossOptions& options) {
  const GuardedTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const GuardedTensor by_image(context, real_labels, DType::f32);
  const GuardedTensor labels(context, Values({2}, {options.real_label, options.fake_label}),
                             DType::f32);
  const GuardedTensor results(context, Shape{kDiscriminatorResults}, DType::f32);
  discriminator_loss(
      context,
      {x.view(), labels.view(), real_labels.elements() > 0 ? by_image.view() : ConstTensorView{},
       dx.view(), results.view()},
      options.kind);
  context.synchronize();
  return {dx.read(), results.read(), guard_bytes({&x, &dx, &by_image, &labels, &results})};
}

LossResult run_generator_loss(const Context& context, const Values& logits, DType dtype,
                              LossKind kind) {
  const GuardedTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const GuardedTensor results(context, Shape{kGeneratorResults}, DType::f32);
  generator_loss(context, {x.view(), dx.view(), results.view()}, kind);
  context.synchronize();
  return {dx.read(), results.read(), guard_bytes({&x, &dx, &results})};
}

Values expected_discriminator_results(const Values& logits, const Values& real_labels,
                                      const LossOptions& options) {
  const std::int64_t n = logits.elements() / 2;
  Values results({kDiscriminatorResults});
  for (std::int64_t i = 0; i < n; ++i) {
    const double real = logits[i], fake = logits[n + i];
    results[kErrDReal] += reference::discriminator_share(options.kind, real, true,
                                                         real_label(options, real_labels, i));
    results[kErrDFake] +=
        reference::discriminator_share(options.kind, fake, false, options.fake_label);
    results[kDx] += reference::watched(options.kind, real);
    results[kDGz1] += reference::watched(options.kind, fake);
    results[kAccuracy] += (reference::right_share(options.kind, real, true) +
                           reference::right_share(options.kind, fake, false)) /
                          2;
  }
  for (double& value : results.v) value /= static_cast<double>(n);
  return results;
}

Values expected_generator_results(const Values& logits, LossKind kind) {
  Values results({kGeneratorResults});
  for (const double x : logits.v) {
    results[kErrG] += reference::generator_share(kind, x);
    results[kDGz2] += reference::watched(kind, x);
  }
  for (double& value : results.v) value /= static_cast<double>(logits.elements());
  return results;
}

void check_discriminator_loss(const Context& context, const LossCase& one, DType dtype,
                              const Report& report) {
  const std::int64_t n = one.images;
  const Values logits = logits_off_kinks(2 * n, dtype);
  const Values real_labels = one.real_labels == RealLabels::by_image
                                 ? reference::random_values({n}, 2, DType::f32, 0.9, 0.05)
                                 : Values(Shape{0});
  const LossResult found = run_discriminator_loss(context, logits, real_labels, dtype, one.options);
  report(found.guards);
  const Values results = expected_discriminator_results(logits, real_labels, one.options);
  report(relative("results", found.results, results, tolerance(DType::f32, n)));
  report(absolute("each result", found.results, results, kResultBound));
  const Values gradient = gradient_of_mean(logits, n, [&](std::int64_t i, double logit) {
    const bool real = i < n;
    return reference::discriminator_share(one.options.kind, logit, real,
                                          real ? real_label(one.options, real_labels, i)
                                               : static_cast<double>(one.options.fake_label));
  });
  report(relative("dlogits", found.dlogits, gradient, gradient_bound(dtype)));
}

void check_generator_loss(const Context& context, const LossCase& one, DType dtype,
                          const Report& report) {
  const LossKind kind = one.options.kind;
  const Values logits = logits_off_kinks(one.images, dtype);
  const LossResult found = run_generator_loss(context, logits, dtype, kind);
  report(found.guards);
  const Values results = expected_generator_results(logits, kind);
  report(relative("results", found.results, results, tolerance(DType::f32, one.images)));
  report(absolute("each result", found.results, results, kResultBound));
  const Values gradient = gradient_of_mean(logits, one.images, [&](std::int64_t, double logit) {
    return reference::generator_share(kind, logit);
  });
  report(relative("dlogits", found.dlogits, gradient, gradient_bound(dtype)));
}

}  // namespace dcgan::test

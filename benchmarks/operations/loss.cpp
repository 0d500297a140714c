// Losses, their gradients and the watched figures from logits: small, so latency is what counts.
#include "kernels/loss/loss.h"

#include "benchmarks/operations/operations.h"
#include "tests/reference/loss.h"

namespace dcgan::benchmarks {
namespace {

/// d share / d logit, by central differences in float64.
template <class Share>
double slope(const Share& share, double x) {
  constexpr double kStep = 1e-5;
  return (share(x + kStep) - share(x - kStep)) / (2 * kStep);
}

void check_discriminator(Session& session, LossKind kind, const Values& logits) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const std::int64_t n = logits.elements() / 2;
  const DeviceTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const DeviceTensor results(context, {kDiscriminatorResults}, DType::f32);
  const DeviceTensor labels(context, Values({2}, {1.0, 0.0}), DType::f32);
  discriminator_loss(context, {x.view(), labels.view(), {}, dx.view(), results.view()}, kind);
  Values expected({kDiscriminatorResults}), gradients(logits.shape);
  for (std::int64_t i = 0; i < 2 * n; ++i) {
    const bool real = i < n;
    const auto share = [&](double logit) {
      return reference::discriminator_share(kind, logit, real, real ? 1.0 : 0.0);
    };
    const auto images = static_cast<double>(n);
    expected[real ? kErrDReal : kErrDFake] += share(logits[i]) / images;
    expected[real ? kDx : kDGz1] += reference::watched(kind, logits[i]) / images;
    expected[kAccuracy] += reference::right_share(kind, logits[i], real) / (2 * images);
    gradients[i] = slope(share, logits[i]) / images;
  }
  const std::string name = "discriminator " + std::string(enum_name(kind));
  session.compare(name + " figures", results.read(context), expected,
                  rounding_bound(Precision::fp32, n));
  // Central differences with a step of 1e-5 are right to about 1e-9.
  session.compare(name + " gradient", dx.read(context), gradients,
                  rounding_bound(session.settings().precision, 1) + 1e-8);
}

void check_generator(Session& session, LossKind kind, const Values& logits) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const DeviceTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const DeviceTensor results(context, {kGeneratorResults}, DType::f32);
  generator_loss(context, {x.view(), dx.view(), results.view()}, kind);
  Values expected({kGeneratorResults}), gradients(logits.shape);
  const auto images = static_cast<double>(logits.elements());
  for (std::int64_t i = 0; i < logits.elements(); ++i) {
    const auto share = [&](double logit) { return reference::generator_share(kind, logit); };
    expected[kErrG] += share(logits[i]) / images;
    expected[kDGz2] += reference::watched(kind, logits[i]) / images;
    gradients[i] = slope(share, logits[i]) / images;
  }
  const std::string name = "generator " + std::string(enum_name(kind));
  session.compare(name + " figures", results.read(context), expected,
                  rounding_bound(Precision::fp32, logits.elements()));
  session.compare(name + " gradient", dx.read(context), gradients,
                  rounding_bound(session.settings().precision, 1) + 1e-8);
}

void check(Session& session) {
  constexpr std::int64_t kImages = 37;
  Values logits = reference::random_values({2 * kImages}, 1, session.settings().dtype(), 0.0, 2.0);
  for (double& x : logits.v) {
    if (std::fabs(std::fabs(x) - 1) < 1e-3) x = 0.5;  // off the hinge's kinks
  }
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    check_discriminator(session, kind, logits);
    check_generator(session, kind, logits);
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const std::int64_t batch = session.settings().batch;
  const auto logits = DeviceTensor::random(context, {2 * batch}, dtype);
  const DeviceTensor dlogits(context, {2 * batch}, dtype);
  const DeviceTensor labels(context, Values({2}, {1.0, 0.0}), DType::f32);
  const DeviceTensor results(context, {kDiscriminatorResults}, DType::f32);
  const auto bytes = static_cast<double>(logits.view().bytes());
  for (const auto& [name, kind] : enum_table(LossKind{})) {
    const int per_step = kind == LossKind::non_saturating ? 1 : 0;
    session.time(
        {"discriminator " + std::string(name), {2 * batch}, 0, 2 * bytes, per_step, "", ""}, [&] {
          discriminator_loss(
              context, {logits.view(), labels.view(), {}, dlogits.view(), results.view()}, kind);
        });
    session.time({"generator " + std::string(name), {batch}, 0, bytes, per_step, "", ""}, [&] {
      generator_loss(context,
                     {logits.view().rows(0, batch), dlogits.view().rows(0, batch),
                      results.view().rows(0, kGeneratorResults)},
                     kind);
    });
  }
}

}  // namespace

Operation loss_operation() {
  return {"loss",
          {"kernels/loss/loss.h"},
          "every loss of both networks with its gradient and figures",
          check,
          time};
}

}  // namespace dcgan::benchmarks

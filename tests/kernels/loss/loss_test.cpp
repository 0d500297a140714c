#include "kernels/loss/loss.h"

#include "tests/kernels/support.h"
#include "tests/reference/loss.h"

namespace dcgan::test {
namespace {

constexpr LossKind kKinds[] = {LossKind::minimax, LossKind::non_saturating, LossKind::lsgan,
                               LossKind::hinge, LossKind::wgan};

struct Result {
  Values dlogits, results;
  bool guards_intact = false;
};

Result discriminator(const Context& context, const Values& logits, const Values& labels,
                     DType dtype, const LossOptions& options) {
  const GuardedTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const GuardedTensor labels_on(context, labels, DType::f32);
  const GuardedTensor pair(context, Values({2}, {options.real_label, options.fake_label}),
                           DType::f32);
  const GuardedTensor results(context, Shape{kDiscriminatorResults}, DType::f32);
  discriminator_loss(
      context,
      {x.view(), pair.view(), labels.elements() > 0 ? labels_on.view() : ConstTensorView{},
       dx.view(), results.view()},
      options.kind);
  context.synchronize();
  return {dx.read(), results.read(), dx.guards_intact() && results.guards_intact()};
}

Result generator(const Context& context, const Values& logits, DType dtype, LossKind kind) {
  const GuardedTensor x(context, logits, dtype), dx(context, logits.shape, dtype);
  const GuardedTensor results(context, Shape{kGeneratorResults}, DType::f32);
  generator_loss(context, {x.view(), dx.view(), results.view()}, kind);
  context.synchronize();
  return {dx.read(), results.read(), dx.guards_intact() && results.guards_intact()};
}

/// The five results in float64.
Values expected_results(const Values& logits, const Values& labels, const LossOptions& options) {
  const std::int64_t n = logits.elements() / 2;
  Values results({kDiscriminatorResults});
  for (std::int64_t i = 0; i < n; ++i) {
    const double real = logits[i], fake = logits[n + i];
    const double label = labels.elements() > 0 ? labels[i] : options.real_label;
    results[kErrDReal] += reference::discriminator_share(options.kind, real, true, label);
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

double total_loss(const Values& logits, const Values& labels, const LossOptions& options) {
  const Values results = expected_results(logits, labels, options);
  return results[kErrDReal] + results[kErrDFake];
}

double generator_total(const Values& logits, LossKind kind) {
  double sum = 0;
  for (const double x : logits.v) sum += reference::generator_share(kind, x);
  return sum / static_cast<double>(logits.elements());
}

/// Random logits of which none is at the hinge's kinks, where central differences give the middle.
Values logits_off_kinks(std::int64_t count, DType dtype) {
  Values logits = reference::random_values({count}, 1, dtype, 0.0, 2.0);
  for (double& x : logits.v) {
    if (std::fabs(std::fabs(x) - 1.0) < 1e-3) x *= 0.75;
  }
  return logits;
}

/// float32 elementary functions are good to a few ulp: 1e-6; bf16 gradients are rounded at 2^-9.
double close(DType dtype) { return dtype == DType::bf16 ? 5e-3 : 2e-6; }

}  // namespace

TEST_CASE("discriminator losses and gradients equal float64 for every kind") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const LossKind kind : kKinds) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        for (const std::int64_t n : {1, 2, 7, 64, 300}) {
          INFO("kind " << static_cast<int>(kind) << ", " << name_of(dtype) << ", n " << n << ", "
                       << to_string(device));
          const Values logits = logits_off_kinks(2 * n, dtype);
          const LossOptions options{kind};
          const Result result = discriminator(context, logits, {}, dtype, options);
          CHECK(result.guards_intact);
          CHECK(reference::max_abs_difference(result.results,
                                              expected_results(logits, {}, options)) < 1e-5);
          const Values slope = reference::finite_differences(
              [&](const Values& x) { return total_loss(x, {}, options); }, logits);
          CHECK(reference::relative_l2(result.dlogits, slope) < close(dtype));
        }
      }
    }
  }
}

TEST_CASE("generator losses and gradients equal float64 for every kind") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const LossKind kind : kKinds) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        for (const std::int64_t n : {1, 7, 300}) {
          INFO("kind " << static_cast<int>(kind) << ", n " << n << ", " << to_string(device));
          const Values logits = logits_off_kinks(n, dtype);
          const Result result = generator(context, logits, dtype, kind);
          CHECK(result.guards_intact);
          CHECK(result.results[kErrG] == Approx(generator_total(logits, kind)).margin(1e-5));
          const Values slope = reference::finite_differences(
              [&](const Values& x) { return generator_total(x, kind); }, logits);
          CHECK(reference::relative_l2(result.dlogits, slope) < close(dtype));
          double watched = 0;
          for (const double x : logits.v) watched += reference::watched(kind, x);
          CHECK(result.results[kDGz2] == Approx(watched / static_cast<double>(n)).margin(1e-5));
        }
      }
    }
  }
}

TEST_CASE("smoothed labels, on one side, on both, and by image, move loss and gradient") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values logits = reference::random_values({14}, 1, DType::f32, 0.0, 2.0);
    Values labels = reference::random_values({7}, 2, DType::f32, 0.9, 0.05);
    for (const LossKind kind : {LossKind::minimax, LossKind::non_saturating, LossKind::lsgan}) {
      for (const bool by_image : {false, true}) {
        const LossOptions options{kind, 0.9f, 0.1f};
        const Values given = by_image ? labels : Values(Shape{0});
        const Result result = discriminator(context, logits, given, DType::f32, options);
        CHECK(reference::max_abs_difference(result.results,
                                            expected_results(logits, given, options)) < 1e-5);
        const Values slope = reference::finite_differences(
            [&](const Values& x) { return total_loss(x, given, options); }, logits);
        CHECK(reference::relative_l2(result.dlogits, slope) < 2e-6);
      }
    }
  }
}

TEST_CASE("losses of huge logits are finite and exact") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values logits({8}, {100, -100, 1e4, -1e4, 100, -100, 1e4, -1e4});
    for (const LossKind kind : kKinds) {
      INFO("kind " << static_cast<int>(kind) << ", " << to_string(device));
      const Result result = discriminator(context, logits, Values(Shape{0}), DType::f32, {kind});
      const Values expected = expected_results(logits, {}, {kind});
      for (std::int64_t i = 0; i < kDiscriminatorResults; ++i) {
        REQUIRE(std::isfinite(result.results[i]));
        CHECK(result.results[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-6));
      }
      for (const double d : result.dlogits.v) CHECK(std::isfinite(d));
      const Result of_generator = generator(context, logits, DType::f32, kind);
      CHECK(of_generator.results[kErrG] ==
            Approx(generator_total(logits, kind)).epsilon(1e-6).margin(1e-6));
      for (const double d : of_generator.dlogits.v) CHECK(std::isfinite(d));
    }
  }
}

TEST_CASE("the hinge has derivative zero at its kinks, as in PyTorch") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values logits({6}, {1.0, 0.5, 1.5, -1.0, -0.5, -1.5});
    const Result result =
        discriminator(context, logits, Values(Shape{0}), DType::f32, {LossKind::hinge});
    const double third = 1.0f / 3.0f;
    CHECK(result.dlogits.v == std::vector<double>{0, -third, 0, 0, third, 0});
    CHECK(result.results[kErrDReal] == Approx(0.5 / 3));
    CHECK(result.results[kErrDFake] == Approx(0.5 / 3));
  }
}

TEST_CASE("a logit on the border counts half in the accuracy") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const auto accuracy = [&](std::vector<double> logits, LossKind kind) {
      const Values x({static_cast<std::int64_t>(logits.size())}, logits);
      return discriminator(context, x, Values(Shape{0}), DType::f32, {kind}).results[kAccuracy];
    };
    CHECK(accuracy({1, 0, -1, 0}, LossKind::non_saturating) == 0.75);
    CHECK(accuracy({0.5, 1}, LossKind::lsgan) == 0.25);
  }
}

TEST_CASE("a NaN logit shows in the loss") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const LossKind kind : kKinds) {
      const Values logits({2}, {NAN, NAN});
      const Result result = discriminator(context, logits, Values(Shape{0}), DType::f32, {kind});
      CHECK(std::isnan(result.results[kErrDReal]));
      CHECK(std::isnan(result.results[kErrDFake]));
    }
  }
}

TEST_CASE("losses say what does not fit") {
  const Context context(Device{});
  const auto error_for = [&](std::int64_t count, const Values& labels, const LossOptions& options) {
    return thrown_by([&] {
      discriminator(context, reference::random_values({count}, 1), labels, DType::f32, options);
    });
  };
  CHECK_THAT(error_for(3, Values(Shape{0}), {}).message, Contains("3 logits"));
  CHECK_THAT(error_for(4, Values(Shape{3}), {}).message,
             Contains("real_labels has 3 elements, expected 2"));
  CHECK_THAT(error_for(4, Values(Shape{2}), {LossKind::hinge}).message,
             Contains("labels by image given to the hinge loss"));
}

TEST_CASE("labels of a loss that has none are refused") {
  const Thrown smoothed = thrown_by([] { require_valid(LossOptions{LossKind::hinge, 0.9f}); });
  CHECK(smoothed.kind == ErrorKind::config);
  CHECK_THAT(smoothed.message, Contains("0.9") && Contains("hinge"));
  CHECK_NOTHROW(require_valid(LossOptions{LossKind::lsgan, 0.9f, 0.1f}));
  CHECK_NOTHROW(require_valid(LossOptions{LossKind::wgan}));
}

TEST_CASE("labels are read when the loss runs: a change between two calls shows") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values logits = reference::random_values({8}, 3);
    const GuardedTensor x(context, logits, DType::f32), dx(context, logits.shape, DType::f32);
    const GuardedTensor pair(context, Values({2}, {1.0, 0.0}), DType::f32);
    const GuardedTensor results(context, Shape{kDiscriminatorResults}, DType::f32);
    const DiscriminatorLoss tensors{x.view(), pair.view(), {}, dx.view(), results.view()};
    discriminator_loss(context, tensors, LossKind::non_saturating);
    const Values before = results.read();
    pair.write(Values({2}, {0.75, 0.25}));
    discriminator_loss(context, tensors, LossKind::non_saturating);
    const Values after = results.read();
    const Values expected = expected_results(logits, {}, {LossKind::non_saturating, 0.75f, 0.25f});
    CHECK(before[kErrDReal] != after[kErrDReal]);
    CHECK(reference::max_abs_difference(after, expected) < 1e-5);
  }
}

}  // namespace dcgan::test

#include "tests/cases/loss.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

constexpr LossKind kKinds[] = {LossKind::minimax, LossKind::non_saturating, LossKind::lsgan,
                               LossKind::hinge, LossKind::wgan};

/// Without labels by image, in float32.
LossResult discriminator(const Context& context, const Values& logits, const LossOptions& options) {
  return run_discriminator_loss(context, logits, Values(Shape{0}), DType::f32, options);
}

}  // namespace

TEST_CASE("losses and their gradients equal float64 for every kind, size and label") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto report = [&](const char* network, const LossCase& one) {
        return assertions(std::string(network) + " " + to_string(one) + ", " +
                          std::string(name_of(dtype)) + ", " + to_string(device));
      };
      for (const LossCase& one : discriminator_loss_cases()) {
        check_discriminator_loss(context, one, dtype, report("discriminator", one));
      }
      for (const LossCase& one : generator_loss_cases()) {
        check_generator_loss(context, one, dtype, report("generator", one));
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
      const LossResult result = discriminator(context, logits, {kind});
      const Values expected = expected_discriminator_results(logits, Values(Shape{0}), {kind});
      for (std::int64_t i = 0; i < kDiscriminatorResults; ++i) {
        REQUIRE(std::isfinite(result.results[i]));
        CHECK(result.results[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-6));
      }
      for (const double d : result.dlogits.v) CHECK(std::isfinite(d));
      const LossResult of_generator = run_generator_loss(context, logits, DType::f32, kind);
      CHECK(of_generator.results[kErrG] ==
            Approx(expected_generator_results(logits, kind)[kErrG]).epsilon(1e-6).margin(1e-6));
      for (const double d : of_generator.dlogits.v) CHECK(std::isfinite(d));
    }
  }
}

TEST_CASE("the hinge has derivative zero at its kinks, as in PyTorch") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values logits({6}, {1.0, 0.5, 1.5, -1.0, -0.5, -1.5});
    const LossResult result = discriminator(context, logits, {LossKind::hinge});
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
      return discriminator(context, x, {kind}).results[kAccuracy];
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
      const LossResult result = discriminator(context, logits, {kind});
      CHECK(std::isnan(result.results[kErrDReal]));
      CHECK(std::isnan(result.results[kErrDFake]));
    }
  }
}

TEST_CASE("results and gradients of two ranks' images add up to those of the whole batch") {
  constexpr std::int64_t kImages = 6;
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const LossKind kind : kKinds) {
      CAPTURE(to_string(device), enum_name(kind));
      const Values logits = reference::random_values({kImages}, 5);
      const LossResult whole = run_generator_loss(context, logits, DType::f32, kind);
      Values sums({kGeneratorResults});
      for (std::int64_t rank = 0; rank < 2; ++rank) {
        const std::int64_t first = rank * kImages / 2;
        const Values part({kImages / 2}, {logits[first], logits[first + 1], logits[first + 2]});
        const GuardedTensor x(context, part, DType::f32), dx(context, part.shape, DType::f32);
        const GuardedTensor results(context, Shape{kGeneratorResults}, DType::f32);
        generator_loss(context, {x.view(), dx.view(), results.view(), kImages}, kind);
        const Values share = results.read(), gradient = dx.read();
        for (std::int64_t i = 0; i < kGeneratorResults; ++i) sums[i] += share[i];
        for (std::int64_t i = 0; i < kImages / 2; ++i) {
          CHECK(gradient[i] == whole.dlogits[first + i]);
        }
      }
      for (std::int64_t i = 0; i < kGeneratorResults; ++i) {
        CHECK(sums[i] == Approx(whole.results[i]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("a quarter of the images has a quarter of the discriminator's results and gradients") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const LossKind kind : kKinds) {
      CAPTURE(to_string(device), enum_name(kind));
      const GuardedTensor logits(context, reference::random_values({6}, 6), DType::f32);
      const GuardedTensor dlogits(context, Shape{6}, DType::f32);
      const GuardedTensor labels(context, Values({2}, {1.0, 0.0}), DType::f32);
      const GuardedTensor results(context, Shape{kDiscriminatorResults}, DType::f32);
      DiscriminatorLoss tensors{logits.view(), labels.view(), {}, dlogits.view(), results.view()};
      discriminator_loss(context, tensors, kind);
      const Values alone = results.read(), gradient_alone = dlogits.read();
      tensors.mean_over = 12;  // four ranks of three
      discriminator_loss(context, tensors, kind);
      const Values shared = results.read(), gradient = dlogits.read();
      for (std::int64_t i = 0; i < kDiscriminatorResults; ++i) {
        CHECK(shared[i] == Approx(alone[i] / 4).epsilon(1e-6));
      }
      for (std::int64_t i = 0; i < 6; ++i) {
        CHECK(gradient[i] == Approx(gradient_alone[i] / 4).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("losses say what does not fit") {
  const Context context(Device{});
  const auto error_for = [&](std::int64_t count, const Values& labels, const LossOptions& options) {
    return thrown_by([&] {
      run_discriminator_loss(context, reference::random_values({count}, 1), labels, DType::f32,
                             options);
    });
  };
  CHECK_THAT(error_for(3, Values(Shape{0}), {}).message, Contains("3 logits"));
  CHECK_THAT(error_for(4, Values(Shape{3}), {}).message,
             Contains("real_labels has 3 elements, expected 2"));
  CHECK_THAT(error_for(4, Values(Shape{2}), {LossKind::hinge}).message,
             Contains("labels by image given to the hinge loss"));
  const GuardedTensor x(context, Values({2}, {1.0, 2.0}), DType::f32);
  const GuardedTensor results(context, Shape{kGeneratorResults}, DType::f32);
  CHECK_THAT(thrown_by([&] {
               generator_loss(context, {x.view(), x.view(), results.view(), 1}, LossKind::wgan);
             }).message,
             Contains("a mean over 1 images for 2"));
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
    const Values expected = expected_discriminator_results(
        logits, Values(Shape{0}), {LossKind::non_saturating, 0.75f, 0.25f});
    CHECK(before[kErrDReal] != after[kErrDReal]);
    CHECK(reference::max_abs_difference(after, expected) < 1e-5);
  }
}

}  // namespace dcgan::test

#include "kernels/optimizer/optimizer.h"

#include "runtime/base/parallel.h"
#include "tests/kernels/support.h"
#include "tests/reference/optimizer.h"

namespace dcgan::test {
namespace {

using reference::OptimizerState;

/// An optimiser's arrays on a device.
struct OnDevice {
  GuardedTensor values, gradients, first_moment, second_moment, step, ema, low_precision;
  GuardedTensor coefficients;

  OnDevice(const Context& context, const OptimizerState& state)
      : values(context, state.values, DType::f32),
        gradients(context, state.values.shape, DType::f32),
        first_moment(context, state.first_moment, DType::f32),
        second_moment(context, state.second_moment, DType::f32),
        step(context, Values({1}, {static_cast<double>(state.step)}), DType::i64),
        ema(context, state.ema, DType::f32),
        low_precision(context, state.values.shape, DType::bf16),
        coefficients(context, {sizeof(OptimizerCoefficients)}, DType::u8) {}

  void set(const Context& context, const OptimizerOptions& options) const {
    const OptimizerCoefficients host = coefficients_of(options);
    upload(context, {&host, coefficients.view().shape, DType::u8}, coefficients.view());
  }
  void update(const Context& context, const OptimizerOptions& options) const {
    set(context, options);
    optimizer_step(context, arrays(options.kind), options.kind);
  }

  OptimizerArrays arrays(OptimizerKind kind) const {
    return {values.view(),
            gradients.view(),
            kind == OptimizerKind::adam ? first_moment.view() : TensorView{},
            second_moment.view(),
            step.view(),
            ema.view(),
            low_precision.view(),
            coefficients.view()};
  }
  bool guards_intact() const {
    bool intact = true;
    for (const GuardedTensor* each :
         {&values, &gradients, &first_moment, &second_moment, &step, &ema, &low_precision}) {
      intact = intact && each->guards_intact();
    }
    return intact;
  }
};

OptimizerState fresh(std::int64_t count) {
  OptimizerState state;
  state.values = reference::random_values({count}, 1, DType::f32, 0.0, 0.02);
  state.first_moment = state.second_moment = Values({count});
  state.ema = state.values;
  return state;
}

void ten_steps(const Context& context, std::int64_t count, const OptimizerOptions& options) {
  INFO(count << " values, kind " << static_cast<int>(options.kind) << ", clip "
             << options.weight_clip << ", " << to_string(context.device()));
  OptimizerState state = fresh(count);
  const OnDevice device(context, state);
  for (std::uint32_t step = 0; step < 10; ++step) {
    // Gradients as they are: small, and now and then zero or large.
    Values gradients = reference::random_values({count}, 100 + step, DType::f32, 0.0, 1e-3);
    for (std::int64_t i = step; i < count; i += 7) gradients[i] = 0;
    for (std::int64_t i = step + 3; i < count; i += 11) gradients[i] *= 1000;
    gradients = reference::stored_as(DType::f32, gradients);
    device.gradients.write(gradients);
    device.update(context, options);
    reference::optimizer_step(state, gradients, options);
  }
  context.synchronize();
  CHECK(device.guards_intact());
  CHECK(device.step.read()[0] == 10);
  // Ten updates of relative error a few 2^-24 each; values move by at most ten learning rates.
  CHECK(reference::relative_l2(device.second_moment.read(), state.second_moment) < 2e-6);
  if (options.kind == OptimizerKind::adam) {
    CHECK(reference::relative_l2(device.first_moment.read(), state.first_moment) < 2e-6);
  }
  CHECK(reference::relative_l2(device.values.read(), state.values) < 1e-6);
  CHECK(reference::relative_l2(device.ema.read(), state.ema) < 2e-6);
  CHECK(device.low_precision.read().v == reference::stored_as(DType::bf16, device.values.read()).v);
}

OptimizerOptions rmsprop() {
  OptimizerOptions options;
  options.kind = OptimizerKind::rmsprop;
  options.learning_rate = 5e-5f;
  return options;
}

}  // namespace

TEST_CASE("ten steps of Adam and RMSprop equal float64 on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const std::int64_t count : {1, 3, 17, 1023, 1025, 50'000}) {
      OptimizerOptions options;
      options.ema_decay = 0.9f;
      ten_steps(context, count, options);
      options.weight_clip = 0.01f;
      ten_steps(context, count, options);
      options = rmsprop();
      ten_steps(context, count, options);
      options.weight_clip = 0.01f;
      options.ema_decay = 0.999f;
      ten_steps(context, count, options);
    }
  }
}

TEST_CASE("Adam's first step moves each value by the learning rate") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    OptimizerState state = fresh(64);
    const OnDevice on(context, state);
    const Values gradients = reference::random_values({64}, 5, DType::f32);
    on.gradients.write(gradients);
    const OptimizerOptions options;
    on.update(context, options);
    context.synchronize();
    const Values after = on.values.read();
    for (std::int64_t i = 0; i < 64; ++i) {
      const double expected = state.values[i] - std::copysign(2e-4, gradients[i]);
      // epsilon / |g| shortens the step a little; float32 near 0.02 has steps of 2e-9.
      REQUIRE(after[i] == Approx(expected).margin(1e-8));
    }
  }
}

TEST_CASE("an optimiser works without average and low-precision copy") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const OptimizerState state = fresh(100);
    const OnDevice with(context, state), without(context, state);
    const Values gradients = reference::random_values({100}, 5);
    with.gradients.write(gradients);
    without.gradients.write(gradients);
    const OptimizerOptions options;
    with.update(context, options);
    OptimizerArrays arrays = without.arrays(options.kind);
    arrays.ema = arrays.low_precision = {};
    without.set(context, options);
    optimizer_step(context, arrays, options.kind);
    context.synchronize();
    CHECK(with.values.read().v == without.values.read().v);
    CHECK(without.ema.read().v == state.ema.v);
    CHECK(std::isnan(without.low_precision.read()[0]));
  }
}

TEST_CASE("coefficients are read when the update runs: a change between two updates shows") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    OptimizerState state = fresh(100);
    const OnDevice on(context, state);
    const Values gradients = reference::random_values({100}, 5, DType::f32);
    on.gradients.write(gradients);
    OptimizerOptions options;
    const OptimizerArrays arrays = on.arrays(options.kind);
    for (const float rate : {1e-3f, 5e-4f, 0.0f}) {
      options.learning_rate = rate;
      on.set(context, options);
      optimizer_step(context, arrays, options.kind);
      reference::optimizer_step(state, gradients, options);
    }
    context.synchronize();
    CHECK(reference::relative_l2(on.values.read(), state.values) < 1e-6);
  }
}

TEST_CASE("a NaN gradient shows in the value even through the clip") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const OnDevice on(context, fresh(2));
    on.gradients.write(Values({2}, {NAN, 1.0}));
    OptimizerOptions options;
    options.weight_clip = 0.01f;
    on.update(context, options);
    context.synchronize();
    CHECK(std::isnan(on.values.read()[0]));
    CHECK(std::isfinite(on.values.read()[1]));
  }
}

TEST_CASE("the optimiser on the CPU gives the same bits for any number of threads") {
  const Context context(Device{});
  const auto values_with = [&](int threads) {
    const int before = thread_count();
    const OnDevice on(context, fresh(50'000));
    on.gradients.write(reference::random_values({50'000}, 5));
    set_thread_count(threads);
    on.update(context, {});
    set_thread_count(before);
    return on.values.raw();
  };
  CHECK(values_with(1) == values_with(3));
}

TEST_CASE("an optimiser says what does not fit") {
  const Context context(Device{});
  const OnDevice on(context, fresh(8));
  OptimizerArrays arrays = on.arrays(OptimizerKind::adam);
  arrays.gradients = ConstTensorView(arrays.gradients).reshaped({8}).rows(0, 7);
  CHECK_THAT(thrown_by([&] { optimizer_step(context, arrays, OptimizerKind::adam); }).message,
             Contains("gradients has 7 elements, expected 8"));
  arrays = on.arrays(OptimizerKind::rmsprop);
  CHECK_THAT(thrown_by([&] { optimizer_step(context, arrays, OptimizerKind::adam); }).message,
             Contains("first_moment is missing"));
  OptimizerOptions options;
  options.beta2 = 1.0f;
  const Thrown beta = thrown_by([&] { coefficients_of(options); });
  CHECK(beta.kind == ErrorKind::config);
  CHECK_THAT(beta.message, Contains("beta2 is 1, must be in [0, 1)"));
}

}  // namespace dcgan::test

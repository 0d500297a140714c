#include "tests/cases/optimizer.h"
#include "runtime/base/parallel.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

using reference::OptimizerState;

TEST_CASE("ten steps of Adam and RMSprop equal float64 on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const OptimizerCase& one : optimizer_cases()) {
      check_optimizer(context, one, assertions(to_string(one) + ", " + to_string(device)));
    }
  }
}

TEST_CASE("Adam's first step moves each value by the learning rate") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    OptimizerState state = initial_optimizer_state(64);
    const OptimizerOnDevice on(context, state);
    const Values gradients = reference::random_values({64}, 5, DType::f32);
    on.gradients.write(gradients);
    const OptimizerOptions options;
    on.update(options);
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
    const OptimizerState state = initial_optimizer_state(100);
    const OptimizerOnDevice with(context, state), without(context, state);
    const Values gradients = reference::random_values({100}, 5);
    with.gradients.write(gradients);
    without.gradients.write(gradients);
    const OptimizerOptions options;
    with.update(options);
    OptimizerArrays arrays = without.arrays(options.kind);
    arrays.ema = arrays.low_precision = {};
    without.set(options);
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
    OptimizerState state = initial_optimizer_state(100);
    const OptimizerOnDevice on(context, state);
    const Values gradients = reference::random_values({100}, 5, DType::f32);
    on.gradients.write(gradients);
    OptimizerOptions options;
    const OptimizerArrays arrays = on.arrays(options.kind);
    for (const float rate : {1e-3f, 5e-4f, 0.0f}) {
      options.learning_rate = rate;
      on.set(options);
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
    const OptimizerOnDevice on(context, initial_optimizer_state(2));
    on.gradients.write(Values({2}, {NAN, 1.0}));
    OptimizerOptions options;
    options.weight_clip = 0.01f;
    on.update(options);
    context.synchronize();
    CHECK(std::isnan(on.values.read()[0]));
    CHECK(std::isfinite(on.values.read()[1]));
  }
}

TEST_CASE("one gradient that is not finite, anywhere, raises a flag that stays up") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const std::int64_t count = 4099;  // whole vectors and single values
    // The largest number and a subnormal are finite.
    Values gradients = reference::random_values({count}, 5, DType::f32);
    gradients[count / 2] = 3.4028e38;
    gradients[count - 1] = 1e-40;
    const OptimizerOnDevice on(context, initial_optimizer_state(count));
    on.gradients.write(gradients);
    on.update({});
    CHECK(on.non_finite.read()[0] == 0);
    for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY),
                             -static_cast<double>(INFINITY)}) {
      for (const std::int64_t place : {std::int64_t{0}, count / 2, count - 1}) {
        INFO(to_string(device) << ": " << bad << " at " << place);
        Values broken = gradients;
        broken[place] = bad;
        on.gradients.write(broken);
        on.non_finite.write(Values({1}));
        on.update({});
        CHECK(on.non_finite.read()[0] == 1);
        on.gradients.write(gradients);
        on.update({});
        CHECK(on.non_finite.read()[0] == 1);
      }
    }
    CHECK(on.guards().passed());
  }
}

TEST_CASE("a network updated in parts has the bits of one updated whole") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    const std::int64_t count = 3000, border = 1024;
    const OptimizerState state = initial_optimizer_state(count);
    const OptimizerOnDevice whole(context, state), parts(context, state);
    const OptimizerOptions options;
    parts.set(options);
    for (std::uint32_t step = 0; step < 3; ++step) {
      const Values gradients = reference::random_values({count}, 5 + step, DType::f32);
      whole.gradients.write(gradients);
      parts.gradients.write(gradients);
      whole.update(options);
      const OptimizerArrays all = parts.arrays(options.kind);
      const auto update = [&](std::int64_t first, std::int64_t elements, StepCount step_count) {
        OptimizerArrays part = all;
        for (TensorView* view : {&part.values, &part.first_moment, &part.second_moment, &part.ema,
                                 &part.low_precision}) {
          *view = view->rows(first, elements);
        }
        part.gradients = part.gradients.rows(first, elements);
        optimizer_step(context, part, options.kind, step_count);
      };
      update(border, count - border, StepCount::keep);
      CHECK(parts.step.read()[0] == step);
      update(0, border, StepCount::advance);
      CHECK(parts.step.read()[0] == step + 1);
    }
    CHECK(parts.values.raw() == whole.values.raw());
    CHECK(parts.first_moment.raw() == whole.first_moment.raw());
    CHECK(parts.second_moment.raw() == whole.second_moment.raw());
    CHECK(parts.ema.raw() == whole.ema.raw());
    CHECK(parts.low_precision.raw() == whole.low_precision.raw());
    CHECK(parts.guards().passed());
  }
}

TEST_CASE("an optimiser goes several times round the largest grid") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    const std::int64_t count = 3 * (528 * 256 * 4) + 5;
    OptimizerState state = initial_optimizer_state(count);
    const OptimizerOnDevice on(context, state);
    const Values gradients = reference::random_values({count}, 5, DType::f32);
    on.gradients.write(gradients);
    OptimizerOptions options;
    options.ema_decay = 0.9;
    on.update(options);
    reference::optimizer_step(state, gradients, options);
    // As check_optimizer, for one step.
    CHECK(reference::relative_l2(on.values.read(), state.values) < 1e-6);
    CHECK(reference::relative_l2(on.first_moment.read(), state.first_moment) < 2e-6);
    CHECK(reference::relative_l2(on.second_moment.read(), state.second_moment) < 2e-6);
    CHECK(reference::relative_l2(on.ema.read(), state.ema) < 2e-6);
    CHECK(on.guards().passed());
  }
}

TEST_CASE("the optimiser on the CPU gives the same bits for any number of threads") {
  const Context context(Device{});
  const auto values_with = [&](int threads) {
    const int before = thread_count();
    const OptimizerOnDevice on(context, initial_optimizer_state(50'000));
    on.gradients.write(reference::random_values({50'000}, 5));
    set_thread_count(threads);
    on.update({});
    set_thread_count(before);
    return on.values.raw();
  };
  CHECK(values_with(1) == values_with(3));
}

TEST_CASE("an optimiser says what does not fit") {
  const Context context(Device{});
  const OptimizerOnDevice on(context, initial_optimizer_state(8));
  OptimizerArrays arrays = on.arrays(OptimizerKind::adam);
  arrays.gradients = ConstTensorView(arrays.gradients).reshaped({8}).rows(0, 7);
  CHECK_THAT(thrown_by([&] { optimizer_step(context, arrays, OptimizerKind::adam); }).message,
             Contains("gradients has 7 elements, expected 8"));
  arrays = on.arrays(OptimizerKind::rmsprop);
  CHECK_THAT(thrown_by([&] { optimizer_step(context, arrays, OptimizerKind::adam); }).message,
             Contains("first_moment is missing"));
  OptimizerOptions options;
  options.beta2 = 1.0;
  const Thrown beta = thrown_by([&] { coefficients_of(options); });
  CHECK(beta.kind == ErrorKind::config);
  CHECK_THAT(beta.message, Contains("beta2 is 1, must be in [0, 1)"));
}

}  // namespace dcgan::test

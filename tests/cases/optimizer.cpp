#include "tests/cases/optimizer.h"

namespace dcgan::test {

OptimizerOnDevice::OptimizerOnDevice(const Context& on, const reference::OptimizerState& state)
    : context(on),
      values(on, state.values, DType::f32),
      gradients(on, state.values.shape, DType::f32),
      first_moment(on, state.first_moment, DType::f32),
      second_moment(on, state.second_moment, DType::f32),
      ema(on, state.ema, DType::f32),
      low_precision(on, state.values.shape, DType::bf16),
      step(on, Values({1}, {static_cast<double>(state.step)}), DType::i64),
      coefficients(on, {sizeof(OptimizerCoefficients)}, DType::u8),
      non_finite(on, Values({1}), DType::i32) {}

void OptimizerOnDevice::set(const OptimizerOptions& options) const {
  const OptimizerCoefficients host = coefficients_of(options);
  upload(context, {&host, coefficients.view().shape, DType::u8}, coefficients.view());
}

OptimizerArrays OptimizerOnDevice::arrays(OptimizerKind kind) const {
  return {values.view(),
          gradients.view(),
          kind == OptimizerKind::adam ? first_moment.view() : TensorView{},
          second_moment.view(),
          step.view(),
          ema.view(),
          low_precision.view(),
          coefficients.view(),
          non_finite.view()};
}

void OptimizerOnDevice::update(const OptimizerOptions& options) const {
  set(options);
  optimizer_step(context, arrays(options.kind), options.kind);
}

Comparison OptimizerOnDevice::guards() const {
  return guard_bytes({&values, &gradients, &first_moment, &second_moment, &ema, &low_precision,
                      &step, &coefficients, &non_finite});
}

reference::OptimizerState initial_optimizer_state(std::int64_t count) {
  reference::OptimizerState state;
  state.values = reference::random_values({count}, 1, DType::f32, 0.0, 0.02);
  state.first_moment = state.second_moment = Values({count});
  state.ema = state.values;
  return state;
}

std::string to_string(const OptimizerCase& one) {
  return std::string(enum_name(one.options.kind)) + ", " + std::to_string(one.count) +
         " values, clip " + std::to_string(one.options.weight_clip);
}

std::vector<OptimizerCase> optimizer_cases() {
  OptimizerOptions adam;
  adam.ema_decay = 0.9;
  OptimizerOptions clipped_adam = adam;
  clipped_adam.weight_clip = 0.01f;
  OptimizerOptions rmsprop;
  rmsprop.kind = OptimizerKind::rmsprop;
  rmsprop.learning_rate = 5e-5f;
  OptimizerOptions clipped_rmsprop = rmsprop;
  clipped_rmsprop.weight_clip = 0.01f;
  clipped_rmsprop.ema_decay = 0.999;
  std::vector<OptimizerCase> cases;
  for (const std::int64_t count : {1, 3, 17, 1023, 1025, 10'007, 50'000}) {
    for (const auto& options : {adam, clipped_adam, rmsprop, clipped_rmsprop}) {
      cases.push_back({options, count});
    }
  }
  return cases;
}

void check_optimizer(const Context& context, const OptimizerCase& one, const Report& report) {
  constexpr std::uint32_t kSteps = 10;
  reference::OptimizerState state = initial_optimizer_state(one.count);
  const OptimizerOnDevice on(context, state);
  for (std::uint32_t step = 0; step < kSteps; ++step) {
    // Gradients as in training: small, some zero, some large.
    Values gradients = reference::random_values({one.count}, 100 + step, DType::f32, 0.0, 1e-3);
    for (std::int64_t i = step; i < one.count; i += 7) gradients[i] = 0;
    for (std::int64_t i = step + 3; i < one.count; i += 11) gradients[i] *= 1000;
    gradients = reference::stored_as(DType::f32, gradients);
    on.gradients.write(gradients);
    on.update(one.options);
    reference::optimizer_step(state, gradients, one.options);
  }
  context.synchronize();
  report(on.guards());
  report(exactly("step", on.step.read(), Values({1}, {kSteps})));
  report(exactly("flag of non-finite gradients", on.non_finite.read(), Values({1})));
  // Ten updates with a relative error of a few 2^-24 each: 10 * 3 * 2^-24 = 1.8e-6. The values move
  // by at most ten learning rates, so that they err less.
  constexpr double kMoments = 2e-6, kValues = 1e-6;
  report(relative("second moment", on.second_moment.read(), state.second_moment, kMoments));
  if (one.options.kind == OptimizerKind::adam) {
    report(relative("first moment", on.first_moment.read(), state.first_moment, kMoments));
  }
  const Values values = on.values.read();
  report(relative("values", values, state.values, kValues));
  report(relative("average", on.ema.read(), state.ema, kMoments));
  report(exactly("bf16 copy", on.low_precision.read(), reference::stored_as(DType::bf16, values)));
}

}  // namespace dcgan::test

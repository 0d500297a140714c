// The steps of batch norm one after the other, as one device runs them.
#include "runtime/base/parallel.h"
#include "tests/kernels/norm/support.h"

namespace dcgan::test {
namespace {

struct Result {
  Values y, mean, invstd, running_mean, running_var, dx, dweight, dbias;
  std::int64_t batches_tracked = 0;
  bool guards_intact = false;
};

enum class DxPlace { apart, on_dy };

/// Forward and backward on a device; state is the one before the pass.
Result run(const Context& context, const Values& x, const Values& dy, const BatchNormState& state,
           DType dtype, const BatchNormOptions& options, DxPlace dx_place = DxPlace::apart) {
  const NormOnDevice norm(context, x, dy, state, dtype, options);
  norm.forward();
  BatchNormBackward backward = norm.backward_tensors();
  if (dx_place == DxPlace::on_dy) backward.dx = norm.dy.view();
  batch_norm_backward_sums(context, backward, norm.reduction(), options);
  batch_norm_backward_apply(context, backward, norm.totals(), norm.count(), options);
  context.synchronize();
  return {norm.y.read(),
          norm.mean.read(),
          norm.invstd.read(),
          norm.running_mean.read(),
          norm.running_var.read(),
          dx_place == DxPlace::on_dy ? norm.dy.read() : norm.dx.read(),
          norm.dweight.read(),
          norm.dbias.read(),
          static_cast<std::int64_t>(norm.tracked.read()[0]),
          norm.guards_intact()};
}

}  // namespace

TEST_CASE("batch norm and its gradients equal the float64 loops on every device") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const NormCase& one : norm_cases()) {
        check_norm(context, one, dtype,
                   assertions(to_string(one) + ", " + std::string(name_of(dtype)) + ", " +
                              to_string(device)));
      }
    }
  }
}

TEST_CASE("the reference's gradients of batch norm equal finite differences") {
  const BatchNormOptions options{{Activation::leaky_relu, 0.2f}, 2};
  const Values x = reference::random_values({4, 2, 3, 2}, 1, DType::f64);
  const Values dy = reference::random_values(x.shape, 2, DType::f64);
  const BatchNormState start = random_state(2);
  const auto value = [&](const Values& input, const Values& weight, const Values& bias) {
    BatchNormState state = start;
    state.weight = weight;
    state.bias = bias;
    return reference::dot(reference::batch_norm_train(input, state, options).y, dy);
  };
  BatchNormState state = start;
  const auto forward = reference::batch_norm_train(x, state, options);
  const auto gradients = reference::batch_norm_gradients(x, dy, start, forward, options);
  const auto by_x = reference::finite_differences(
      [&](const Values& v) { return value(v, start.weight, start.bias); }, x);
  const auto by_weight = reference::finite_differences(
      [&](const Values& v) { return value(x, v, start.bias); }, start.weight);
  const auto by_bias = reference::finite_differences(
      [&](const Values& v) { return value(x, start.weight, v); }, start.bias);
  // Truncation step^2 = 1e-10, rounding 1e-16 / 1e-5 = 1e-11; no value lies within a step of the
  // kink for this seed.
  CHECK(reference::relative_l2(gradients.dx, by_x) < 1e-7);
  CHECK(reference::relative_l2(gradients.dweight, by_weight) < 1e-7);
  CHECK(reference::relative_l2(gradients.dbias, by_bias) < 1e-7);
}

TEST_CASE("groups of a batch norm equal separate passes, running statistics in order") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values both = reference::random_values({6, 4, 4, 17}, 1);
    const Values dy = reference::random_values(both.shape, 2);
    const auto half = [](const Values& values, std::int64_t which) {
      const std::int64_t count = values.elements() / 2;
      return Values({3, 4, 4, 17},
                    {values.v.begin() + which * count, values.v.begin() + (which + 1) * count});
    };
    const BatchNormState start = random_state(17);
    const ActivationSpec relu{Activation::relu};
    const Result together = run(context, both, dy, start, DType::f32, {relu, 2});
    const Result real = run(context, half(both, 0), half(dy, 0), start, DType::f32, {relu, 1});
    BatchNormState between = start;
    between.running_mean = real.running_mean;
    between.running_var = real.running_var;
    const Result fake = run(context, half(both, 1), half(dy, 1), between, DType::f32, {relu, 1});
    CHECK(together.running_mean.v == fake.running_mean.v);
    CHECK(together.running_var.v == fake.running_var.v);
    CHECK(together.batches_tracked == start.batches_tracked + 2);
    CHECK(half(together.y, 0).v == real.y.v);
    CHECK(half(together.y, 1).v == fake.y.v);
    CHECK(half(together.dx, 0).v == real.dx.v);
    CHECK(half(together.dx, 1).v == fake.dx.v);
    // Sums of 48 numbers of size 1, added up in another order: a few times 48 * 2^-24.
    for (std::int64_t c = 0; c < 17; ++c) {
      CHECK(together.dweight[c] == Approx(real.dweight[c] + fake.dweight[c]).margin(1e-5));
    }
  }
}

TEST_CASE("batch norm writes dx over dy with the same bits") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values x = reference::random_values({4, 5, 5, 16}, 1);
    const Values dy = reference::random_values(x.shape, 2);
    const BatchNormState state = random_state(16);
    const BatchNormOptions options{{Activation::leaky_relu, 0.2f}, 2};
    const Result apart = run(context, x, dy, state, DType::f32, options, DxPlace::apart);
    const Result on_dy = run(context, x, dy, state, DType::f32, options, DxPlace::on_dy);
    CHECK(apart.dx.v == on_dy.dx.v);
    CHECK(apart.dweight.v == on_dy.dweight.v);
  }
}

TEST_CASE("batch norm on the CPU gives the same bits for any number of threads") {
  const Context context(Device{});
  const Values x = reference::random_values({8, 16, 16, 16}, 1);
  const Values dy = reference::random_values(x.shape, 2);
  const BatchNormState state = random_state(16);
  const BatchNormOptions options{{Activation::leaky_relu, 0.2f}, 2};
  const int threads = thread_count();
  set_thread_count(1);
  const Result one = run(context, x, dy, state, DType::f32, options);
  set_thread_count(3);
  const Result three = run(context, x, dy, state, DType::f32, options);
  set_thread_count(threads);
  CHECK(one.y.v == three.y.v);
  CHECK(one.dx.v == three.dx.v);
  CHECK(one.dweight.v == three.dweight.v);
}

}  // namespace dcgan::test

// Statistics of inputs that lose digits in careless sums.
#include "tests/kernels/norm/support.h"

namespace dcgan::test {

TEST_CASE("batch norm does not cancel when the mean is far above the deviation") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    // sigma / mean = 1e-4: E[x^2] - mean^2 would lose 8 of float32's 7 digits.
    const Values x = reference::random_values({8, 16, 16, 5}, 1, DType::f32, 1e4, 1.0);
    const BatchNormState before = random_state(5);
    const BatchNormOptions options{{Activation::relu}, 2};
    const NormOnDevice norm(context, x, x, before, DType::f32, options);
    norm.forward();
    BatchNormState state = before;
    const auto forward = reference::batch_norm_train(x, state, options);
    // The mean is stored as a float32 near 1e4, 5e-4 from exact at most: hence 1e-3 in y; the
    // variance does not see that.
    CHECK(reference::relative_l2(norm.invstd.read(), forward.invstd) < 1e-5);
    CHECK(reference::max_abs_difference(norm.y.read(), forward.y) < 2e-3);
    CHECK(reference::relative_l2(norm.running_var.read(), state.running_var) < 1e-5);
  }
}

TEST_CASE("batch norm survives one outlier in its first row") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    INFO(to_string(device));
    Values x = reference::random_values({8, 8, 8, 3}, 1);
    x[0] = x[1] = x[2] = 1e4;
    const BatchNormState before = random_state(3);
    const NormOnDevice norm(context, x, x, before, DType::f32, {{}, 1});
    norm.forward();
    BatchNormState state = before;
    const auto forward = reference::batch_norm_train(x, state, {{}, 1});
    // A shift to the first row costs at most (rows in a block) rounding errors: 64 * 2^-24 = 4e-6.
    CHECK(reference::relative_l2(norm.invstd.read(), forward.invstd) < 1e-5);
  }
}

TEST_CASE("batch norm of a constant channel is its bias") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    Values x({4, 5, 5, 3});
    for (double& value : x.v) value = 0.1f;
    const BatchNormState state = random_state(3);
    const NormOnDevice norm(context, x, x, state, DType::f32, {{}, 2});
    norm.forward();
    const Values y = norm.y.read();
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      // The mean may be an ulp (7e-9) off, times invstd = 1 / sqrt(1e-5) = 316 and the weight.
      REQUIRE(y[i] == Approx(state.bias[i % 3]).margin(1e-5));
    }
  }
}

}  // namespace dcgan::test

#include "kernels/elementwise/add.h"

#include "tests/cases/elementwise.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("a sum in place is the exact sum, rounded once") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const std::int64_t count : elementwise_counts()) {
      check_add(context, count, assertions(std::to_string(count) + " on " + to_string(device)));
    }
  }
}

TEST_CASE("a sum in place takes tensors that are not aligned to its vectors") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const Values x = reference::random_values({101}, 1, DType::f32);
    const Values y = reference::random_values({101}, 2, DType::f32);
    const GuardedTensor x_on(context, x, DType::f32), y_on(context, y, DType::f32);
    // From the second element on: 4 bytes past a multiple of 16.
    add_in_place(context, x_on.view().rows(1, 100), y_on.view().rows(1, 100));
    context.synchronize();
    const Values result = y_on.read();
    CHECK(result[0] == y[0]);
    for (std::int64_t i = 1; i < 101; ++i) REQUIRE(result[i] == static_cast<float>(x[i] + y[i]));
  }
}

TEST_CASE("a sum in place says what does not fit") {
  const Context context(Device{});
  const GuardedTensor three(context, Shape{3}, DType::f32), four(context, Shape{4}, DType::f32);
  const GuardedTensor narrow(context, Shape{3}, DType::bf16);
  const auto message = [&](ConstTensorView x, TensorView y) {
    return thrown_by([&] { add_in_place(context, x, y); }).message;
  };
  CHECK_THAT(message(three.view(), four.view()), Contains("add_in_place: y"));
  CHECK_THAT(message(narrow.view(), three.view()), Contains("x holds bf16"));
  CHECK_THAT(message(three.view(), three.view()), Contains("share memory"));
}

}  // namespace dcgan::test

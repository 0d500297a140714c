#include "kernels/elementwise/convert.h"

#include "tests/cases/elementwise.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("layouts change between channels-first and channels-last and back") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const Shape& shape : layout_cases()) {
      check_layouts(context, shape, assertions(to_string(shape) + " on " + to_string(device)));
    }
  }
}

TEST_CASE("float32 rounds to the nearest bf16 and comes back exactly") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const std::int64_t count : elementwise_counts()) {
      check_type_conversion(context, count,
                            assertions(std::to_string(count) + " on " + to_string(device)));
    }
  }
}

TEST_CASE("ties of bf16 are rounded to even, and special values stay what they are") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    // 1 + 2^-8 lies between 1 and 1 + 2^-7: even is 1; 1 + 3 * 2^-8: even is 1 + 2^-6.
    const Values special({6}, {1.00390625, 1.01171875, -0.0, 3.4028e38, INFINITY, NAN});
    const GuardedTensor x_on(context, special, DType::f32), low(context, Shape{6}, DType::bf16);
    convert_type(context, x_on.view(), low.view());
    context.synchronize();
    const Values result = low.read();
    CHECK(result[0] == 1.0);
    CHECK(result[1] == 1.015625);
    CHECK(std::signbit(result[2]));
    CHECK(std::isinf(result[3]));
    CHECK(std::isinf(result[4]));
    CHECK(std::isnan(result[5]));
  }
}

TEST_CASE("conversions say what does not fit") {
  const Context context(Device{});
  const GuardedTensor x(context, Shape{2, 3, 4, 5}, DType::f32);
  const GuardedTensor y(context, Shape{2, 4, 5, 2}, DType::f32);
  CHECK_THAT(thrown_by([&] { to_channels_last(context, x.view(), y.view()); }).message,
             Contains("y has shape [2, 4, 5, 2], expected [2, 4, 5, 3]"));
  CHECK_THAT(thrown_by([&] { to_channels_last(context, x.view(), x.view()); }).message,
             Contains("share memory"));
  CHECK_THAT(thrown_by([&] { convert_type(context, x.view(), y.view()); }).message,
             Contains("both hold f32"));
}

}  // namespace dcgan::test

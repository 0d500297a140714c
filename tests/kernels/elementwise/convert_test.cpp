#include "kernels/elementwise/convert.h"

#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("layouts change between channels-first and channels-last and back") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const Shape& first : {Shape{2, 3, 5, 7}, Shape{1, 1, 4, 4}, Shape{7, 64, 1, 1},
                               Shape{2, 33, 8, 5}, Shape{3, 17, 7, 16}}) {
      INFO(to_string(first) << ", " << to_string(device));
      const Shape last{first[0], first[2], first[3], first[1]};
      const Values x = reference::random_values(first, 1);
      const GuardedTensor x_on(context, x, DType::f32), y(context, last, DType::f32),
          back(context, first, DType::f32);
      to_channels_last(context, x_on.view(), y.view());
      to_channels_first(context, y.view(), back.view());
      context.synchronize();
      const Values result = y.read();
      for (std::int64_t a = 0; a < first[0]; ++a)
        for (std::int64_t b = 0; b < first[1]; ++b)
          for (std::int64_t h = 0; h < first[2]; ++h)
            for (std::int64_t w = 0; w < first[3]; ++w) {
              REQUIRE(result.at(a, h, w, b) == x.at(a, b, h, w));
            }
      CHECK(back.read().v == x.v);
      CHECK(y.guards_intact());
      CHECK(back.guards_intact());
    }
  }
}

TEST_CASE("float32 rounds to the nearest bf16, ties to even, and comes back exactly") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const std::int64_t count : {1, 7, 1000, 40'001}) {
      const Values x = reference::random_values({count}, 1);
      const GuardedTensor x_on(context, x, DType::f32), low(context, x.shape, DType::bf16),
          back(context, x.shape, DType::f32);
      convert_type(context, x_on.view(), low.view());
      convert_type(context, low.view(), back.view());
      context.synchronize();
      CHECK(low.read().v == reference::stored_as(DType::bf16, x).v);
      CHECK(back.read().v == low.read().v);
      CHECK(low.guards_intact());
      CHECK(back.guards_intact());
    }
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

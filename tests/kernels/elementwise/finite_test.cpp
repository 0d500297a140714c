#include "kernels/elementwise/finite.h"

#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("one NaN or infinity anywhere raises the flag, and nothing else does") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const std::int64_t count : {1, 5, 1000, 40'001}) {
        INFO(count << " values, " << name_of(dtype) << ", " << to_string(device));
        // The largest numbers and subnormals of the type are finite.
        Values values = reference::random_values({count}, 1, dtype);
        values[count / 2] = dtype == DType::bf16 ? 3.3895e38 : 3.4028e38;
        values[count - 1] = 1e-40;
        const GuardedTensor on(context, values, dtype), flag(context, Values({1}, {0}), DType::i32);
        detect_non_finite(context, on.view(), flag.view());
        context.synchronize();
        CHECK(flag.read()[0] == 0);
        for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY),
                                 -static_cast<double>(INFINITY)}) {
          for (const std::int64_t place : {std::int64_t{0}, count / 2, count - 1}) {
            Values broken = values;
            broken[place] = bad;
            on.write(broken);
            flag.write(Values({1}, {0}));
            detect_non_finite(context, on.view(), flag.view());
            context.synchronize();
            REQUIRE(flag.read()[0] == 1);
          }
        }
        CHECK(flag.guards_intact());
      }
    }
  }
}

TEST_CASE("a raised flag stays up") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const GuardedTensor fine(context, reference::random_values({100}, 1), DType::f32);
    const GuardedTensor flag(context, Values({1}, {1}), DType::i32);
    detect_non_finite(context, fine.view(), flag.view());
    context.synchronize();
    CHECK(flag.read()[0] == 1);
    const GuardedTensor wrong(context, Shape{1}, DType::i64);
    CHECK_THAT(thrown_by([&] { detect_non_finite(context, fine.view(), wrong.view()); }).message,
               Contains("flag holds i64, expected i32"));
  }
}

}  // namespace dcgan::test

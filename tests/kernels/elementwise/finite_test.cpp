#include "kernels/elementwise/finite.h"

#include "tests/cases/elementwise.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("one NaN or infinity anywhere raises the flag, and nothing else does") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const std::int64_t count : elementwise_counts()) {
        check_finite(context, count, dtype,
                     assertions(std::to_string(count) + " values, " + std::string(name_of(dtype)) +
                                ", " + to_string(device)));
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

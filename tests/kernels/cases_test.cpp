// The comparisons that the checks of tests/cases make can fail.
#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("a comparison fails for wrong values, other shapes and NaN") {
  const Values one({2}, {1, 1}), close({2}, {1, 1.01}), nan({2}, {1, NAN});
  CHECK(relative("y", one, one, 0).passed());
  CHECK(relative("y", close, one, 0.008).passed());  // 0.01 / sqrt(2) = 0.0071
  CHECK_FALSE(relative("y", close, one, 0.007).passed());
  CHECK(absolute("y", close, one, 0.0101).passed());
  CHECK_FALSE(absolute("y", close, one, 0.0099).passed());
  CHECK(relative_to(10, "y", close, one, 0.0011).passed());
  CHECK_FALSE(relative_to(10, "y", close, one, 0.0009).passed());
  CHECK_FALSE(exactly("y", close, one).passed());
  for (const Values& wrong : {nan, Values({1}, {1})}) {
    CHECK_FALSE(relative("y", wrong, one, 1e9).passed());
    CHECK_FALSE(absolute("y", wrong, one, 1e9).passed());
    CHECK_FALSE(relative_to(10, "y", wrong, one, 1e9).passed());
  }
}

TEST_CASE("a write next to a guarded tensor damages its guard bytes") {
  for (const std::int64_t place : {-1, 3}) {
    const Context context(Device{});
    const GuardedTensor tensor(context, Values({3}, {1, 2, 3}), DType::f32);
    CHECK(guard_bytes({&tensor}).passed());
    static_cast<float*>(tensor.view().data)[place] = 0;
    CHECK(tensor.damaged_guard_bytes() == 4);
    CHECK_FALSE(guard_bytes({&tensor}).passed());
  }
}

}  // namespace dcgan::test

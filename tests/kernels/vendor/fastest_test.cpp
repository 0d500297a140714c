#include "kernels/vendor/fastest.h"

#include <vector>

#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr double kFails = -1;

std::optional<cuda::Fastest> fastest_of(const std::vector<double>& times_ms) {
  return cuda::fastest_of(times_ms.size(), [&](std::size_t index) {
    if (times_ms[index] == kFails) fail(ErrorKind::unavailable, "engine {} refuses", index);
    return times_ms[index];
  });
}

}  // namespace

TEST_CASE("the fastest candidate is chosen, of equals the first") {
  const auto best = fastest_of({3.0, 1.0, 2.0, 1.0});
  REQUIRE(best);
  CHECK(best->index == 1);
  CHECK(best->elapsed_ms == 1.0);
  CHECK(best->failed == 0);
}

TEST_CASE("a candidate that fails when it is timed is passed over") {
  const auto best = fastest_of({kFails, 2.0, kFails, 1.5, kFails});
  REQUIRE(best);
  CHECK(best->index == 3);
  CHECK(best->failed == 3);
}

TEST_CASE("when no candidate can be timed there is no choice") {
  CHECK_FALSE(fastest_of({kFails, kFails}));
  CHECK_FALSE(fastest_of({}));
}

TEST_CASE("what is not an error of the candidate ends the choice") {
  CHECK_THROWS_AS(cuda::fastest_of(2, [](std::size_t) -> double { throw std::bad_alloc(); }),
                  std::bad_alloc);
}

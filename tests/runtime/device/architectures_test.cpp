#include "runtime/device/architectures.h"

#include "runtime/base/errors.h"
#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("machine code runs on its own major version from its minor upwards") {
  CHECK(runs_on("80-real", 8, 0));
  CHECK(runs_on("80-real", 8, 9));
  CHECK_FALSE(runs_on("86-real", 8, 0));
  CHECK_FALSE(runs_on("80-real", 9, 0));
}

TEST_CASE("PTX runs on everything newer, nothing older") {
  CHECK(runs_on("90", 12, 0));
  CHECK(runs_on("80-virtual", 9, 0));
  CHECK_FALSE(runs_on("90", 8, 6));
}

TEST_CASE("code for the features of one architecture runs on that architecture only") {
  CHECK(runs_on("90a", 9, 0));
  CHECK_FALSE(runs_on("90a", 10, 0));
  CHECK(runs_on("90a-real;100", 10, 3));
}

TEST_CASE("one architecture of a list is enough, and an empty list runs on no GPU") {
  CHECK(runs_on("80;90;100", 9, 0));
  CHECK_FALSE(runs_on("80-real;90-real", 10, 0));
  CHECK_FALSE(runs_on("", 9, 0));
}

TEST_CASE("a list of architectures that cannot be parsed is refused with the wrong item") {
  CHECK_THROWS_WITH(runs_on("native", 9, 0), Contains("native"));
  CHECK_THROWS_WITH(runs_on("90-fancy", 9, 0), Contains("-fancy"));
}

#include "runtime/base/errors.h"

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

TEST_CASE("an error's exit code is the documented one of its kind") {
  // Scripts and schedulers act on these numbers: they never change.
  CHECK(Error(ErrorKind::usage, "").exit_code() == 2);
  CHECK(Error(ErrorKind::bad_data, "").exit_code() == 65);
  CHECK(Error(ErrorKind::unavailable, "").exit_code() == 69);
  CHECK(Error(ErrorKind::internal, "").exit_code() == 70);
  CHECK(Error(ErrorKind::io, "").exit_code() == 74);
  CHECK(Error(ErrorKind::preempted, "").exit_code() == 75);
  CHECK(Error(ErrorKind::config, "").exit_code() == 78);
  CHECK(Error(ErrorKind::peer_lost, "").exit_code() == 79);
  CHECK(Error(ErrorKind::diverged, "").exit_code() == 80);
}

TEST_CASE("fail throws the formatted message under its kind") {
  const auto error = test::error_of([] { fail(ErrorKind::io, "{}: {} bytes", "disk", 7); });
  REQUIRE(error.has_value());
  CHECK(error->kind() == ErrorKind::io);
  CHECK(std::string(error->what()) == "disk: 7 bytes");
}

TEST_CASE("a check that holds does nothing, and evaluates its condition once") {
  int evaluations = 0;
  DCGAN_CHECK(++evaluations == 1, "never");
  CHECK(evaluations == 1);
}

TEST_CASE("a check that is broken is an internal error with its message") {
  const int rank = 9;
  DCGAN_CHECK_FAILS([&] { DCGAN_CHECK(rank < 5, "rank {} of at most {}", rank, 5); }(),
                    ErrorKind::internal, "rank 9 of at most 5");
}

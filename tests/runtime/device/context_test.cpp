#include "runtime/device/context.h"

#include <utility>

#include "runtime/base/build_config.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

TEST_CASE("a CPU context has no stream and nothing to wait for") {
  const Context context(Device{});
  CHECK_FALSE(context.is_cuda());
  CHECK(context.stream() == nullptr);
  CHECK(context.device() == Device{DeviceType::cpu, 0});
  context.synchronize();
}

TEST_CASE("a moved context keeps its device") {
  Context first(Device{});
  const Context second = std::move(first);
  CHECK(to_string(second.device()) == "cpu");
}

TEST_CASE("a device prints as the command line spells it") {
  CHECK(to_string(Device{}) == "cpu");
  CHECK(to_string(Device{DeviceType::cuda, 3}) == "cuda:3");
}

TEST_CASE("a GPU is refused by a build without the CUDA engine, saying so") {
  if constexpr (!kHasCuda) {
    DCGAN_CHECK_FAILS(Context(Device{DeviceType::cuda, 0}), ErrorKind::unavailable,
                      "cuda:0: this build has no CUDA engine");
  } else {
    // No machine has a thousandth GPU.
    const auto error = test::error_of([] { Context(Device{DeviceType::cuda, 999}); });
    REQUIRE(error.has_value());
    CHECK(error->kind() == ErrorKind::unavailable);
  }
}

TEST_CASE("a context on the CPU refuses a caller's stream") {
  DCGAN_CHECK_FAILS(Context(Device{}, nullptr), ErrorKind::internal, "CUDA device");
}

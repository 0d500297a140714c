// What the real runtime says where there is no GPU. On a machine that has one, these say so
// instead.
#include "runtime/base/errors.h"
#include "runtime/device/context.h"
#include "runtime/device/cuda/runtime.h"
#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("without a usable GPU a context is refused as unavailable, with versions and a remedy") {
  if (cuda::device_count() > 0) {
    CHECK_THROWS_WITH(cuda::require_device(cuda::device_count()), Contains("counted from 0"));
    return;
  }
  try {
    const Context context({DeviceType::cuda, 0});
    FAIL("a context without a GPU");
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(error.kind() == ErrorKind::unavailable);
    CHECK_THAT(error.what(), Contains("CUDA") && Contains("--device cpu"));
  }
}

#include <vector>

#include "runtime/comm/nccl/nccl.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

TEST_CASE("ranks need a GPU each, and two on one are named") {
  CHECK_NOTHROW(require_distinct_gpus({}));
  const std::vector<std::string> two_hosts{"a GPU-1", "a GPU-2", "b GPU-1", "b GPU-2"};
  CHECK_NOTHROW(require_distinct_gpus(two_hosts));
  const std::vector<std::string> shared{"a GPU-1", "a GPU-2", "b GPU-1", "a GPU-2"};
  DCGAN_CHECK_FAILS(require_distinct_gpus(shared), ErrorKind::unavailable,
                    "ranks 1 and 3 are on one GPU (a GPU-2)");
}

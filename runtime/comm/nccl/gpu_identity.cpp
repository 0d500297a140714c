#include <unistd.h>

#include "runtime/comm/nccl/nccl.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

std::string gpu_identity(const Context& context) {
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  return fmt::format("{} {}", host, cuda::device_uuid(context.device().ordinal));
}

}  // namespace dcgan

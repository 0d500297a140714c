#include "runtime/device/open_device.h"

#include <fmt/format.h>

#include "runtime/base/build_config.h"
#include "runtime/base/parallel.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {
namespace {

bool has_gpu() {
  if constexpr (kHasCuda) return cuda::device_count() > 0;
  return false;
}

}  // namespace

Context open_device(const DeviceRequest& request, const DeviceNotice& notify) {
  const bool automatic = request.kind == DeviceRequest::Kind::automatic;
  if (request.kind == DeviceRequest::Kind::cuda || (automatic && has_gpu())) {
    return Context(Device{DeviceType::cuda, request.ordinal});
  }
  if (automatic && notify) {
    notify(kHasCuda
               ? fmt::format("no GPU found, computing on the CPU with {} threads", thread_count())
               : fmt::format("computing on the CPU with {} threads (this build has no CUDA "
                             "engine)",
                             thread_count()));
  }
  return Context(Device{DeviceType::cpu, 0});
}

}  // namespace dcgan

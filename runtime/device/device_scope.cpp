#include "runtime/device/device_scope.h"

#include "runtime/base/build_config.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

DeviceScope::DeviceScope(Device device) : is_cuda_(device.type == DeviceType::cuda) {
  if constexpr (kHasCuda) {
    if (!is_cuda_) return;
    before_ = cuda::current_device();
    cuda::set_current_device(device.ordinal);
  }
}

DeviceScope::~DeviceScope() {
  if constexpr (kHasCuda) {
    if (is_cuda_) cuda::restore_device(before_);
  }
}

}  // namespace dcgan

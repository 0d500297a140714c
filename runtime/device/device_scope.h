// The calling thread's current GPU, for programs whose own it must stay.
#pragma once

#include "runtime/device/device.h"

namespace dcgan {

/// Makes a GPU current for the calling thread until the end of the scope, then the one that was
/// current before. Does nothing for the CPU. Allocates nothing. Throws Error when there is no such
/// GPU; cuda::require_device() says it better.
class DeviceScope {
 public:
  explicit DeviceScope(Device device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;  // one scope, one change
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  bool is_cuda_;
  int before_ = 0;
};

}  // namespace dcgan

// From --device to a device.
#pragma once

#include "runtime/base/enum_names.h"
#include "runtime/device/context.h"
#include "runtime/device/device_choice.h"

namespace dcgan {

/// auto: the first GPU when there is one that this build can use, else the CPU; what is chosen and
/// why is said on standard error. cuda and cpu: that, or Error(unavailable).
Context open_device(DeviceChoice choice);

/// Sets the threads of the CPU engine: 0 is one a core.
void apply_threads(std::int64_t threads);

}  // namespace dcgan

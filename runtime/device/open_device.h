// From a request to a context.
#pragma once

#include <functional>
#include <string_view>

#include "runtime/device/context.h"
#include "runtime/device/device_request.h"

namespace dcgan {

/// Receives one line, without its end, about a choice that the user did not make.
using DeviceNotice = std::function<void(std::string_view line)>;

/// automatic: the first GPU; where there is none, or the build has no CUDA engine, the CPU, and
/// `notify` is told that and why. A GPU that cannot run this build is an error, not a reason to use
/// the CPU. cpu and cuda: that device. Throws Error(unavailable) as Context does.
Context open_device(const DeviceRequest& request, const DeviceNotice& notify);

}  // namespace dcgan

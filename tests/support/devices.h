// Devices that a test runs on.
#pragma once

#include <vector>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/device/context.h"
#include "tests/support/catch.h"

namespace dcgan::test {

/// The CPU, and the GPU (real or emulated) when this build and this machine have one; a build that
/// has the CUDA engine says why it is left out.
inline std::vector<Device> devices_under_test() {
  std::vector<Device> devices{{DeviceType::cpu, 0}};
  if constexpr (kHasCuda) {
    const Device gpu{DeviceType::cuda, 0};
    try {
      const Context probe(gpu);
      devices.push_back(gpu);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      WARN("skipped on cuda: " << error.what());
    }
  }
  return devices;
}

}  // namespace dcgan::test

// The device that computes.
#pragma once

#include <string>

namespace dcgan {

enum class DeviceType { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int ordinal = 0;  ///< which GPU; 0 on the CPU

  friend bool operator==(const Device&, const Device&) = default;
};

/// "cpu" or "cuda:0".
std::string to_string(Device device);

}  // namespace dcgan

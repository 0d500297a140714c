#include "runtime/device/device.h"

#include <fmt/format.h>

namespace dcgan {

std::string to_string(Device device) {
  return device.type == DeviceType::cpu ? "cpu" : fmt::format("cuda:{}", device.ordinal);
}

}  // namespace dcgan

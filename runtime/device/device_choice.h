// Which device a user asked for.
#pragma once

#include "runtime/base/enum_names.h"

namespace dcgan {

enum class DeviceChoice { automatic, cuda, cpu };

constexpr auto enum_table(DeviceChoice) {
  return NameTable<DeviceChoice, 3>{{{"auto", DeviceChoice::automatic},
                                     {"cuda", DeviceChoice::cuda},
                                     {"cpu", DeviceChoice::cpu}}};
}

}  // namespace dcgan

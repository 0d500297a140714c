// The options --device and --threads.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/device/open_device.h"

namespace dcgan {

/// For open_device(): prints what was chosen, and why, on standard error.
void print_device_notice(std::string_view line);

/// Sets the threads of the CPU engine; 0: one for each core.
void apply_threads(std::int64_t threads);

}  // namespace dcgan

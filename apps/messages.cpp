#include "apps/messages.h"

#include <fmt/format.h>

namespace dcgan {

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

void print_note(const std::string& message) { fmt::print(stderr, "note: {}\n", message); }

void print_device_notice(std::string_view line) { fmt::print(stderr, "device: {}\n", line); }

}  // namespace dcgan

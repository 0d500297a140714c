#include "apps/device_choice.h"

#include <fmt/format.h>

#include "runtime/base/parallel.h"

namespace dcgan {

void print_device_notice(std::string_view line) { fmt::print(stderr, "device: {}\n", line); }

void apply_threads(std::int64_t threads) {
  if (threads > 0) set_thread_count(static_cast<int>(threads));
}

}  // namespace dcgan

// dcgan doctor

#include <fmt/format.h>

#include "apps/commands.h"
#include "models/profiling/system_information.h"

namespace dcgan {
namespace {

int doctor() {
  for (const auto& [what, value] : system_information()) fmt::print("{:<16} {}\n", what, value);
  return 0;
}

}  // namespace

Command add_doctor(CLI::App& app) {
  app.footer("Example:\n  dcgan doctor");
  return [] { return doctor(); };
}

}  // namespace dcgan

// What was asked of the emulated GPU between two points.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/emulator/runtime/simulation.h"

namespace dcgan::test {

/// Calls by name.
using Calls = std::map<std::string, std::int64_t>;

/// Those since emulator::calls() was `before`; without the calls of which there were none.
inline Calls more_calls(const Calls& before) {
  Calls result;
  for (const auto& [name, count] : emulator::calls()) {
    const auto found = before.find(name);
    const std::int64_t more = count - (found == before.end() ? 0 : found->second);
    if (more != 0) result[name] = more;
  }
  return result;
}

}  // namespace dcgan::test

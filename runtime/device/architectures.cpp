#include "runtime/device/architectures.h"

#include <charconv>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

struct Architecture {
  int major = 0;
  int minor = 0;
  bool exact = false;        // "90a": features that no other GPU has
  bool machine_code = true;  // SASS
  bool intermediate = true;  // PTX
};

Architecture parse(std::string_view item) {
  int number = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), number);
  if (error != std::errc() || number < 10) {
    fail(ErrorKind::internal, "CUDA architectures: \"{}\" is not like 90, 90a or 90-real", item);
  }
  std::string_view rest = item.substr(static_cast<std::size_t>(end - item.data()));
  Architecture result{number / 10, number % 10};
  if (rest.starts_with('a')) {
    result.exact = true;
    rest.remove_prefix(1);
  }
  if (rest == "-real") {
    result.intermediate = false;
  } else if (rest == "-virtual") {
    result.machine_code = false;
  } else if (!rest.empty()) {
    fail(ErrorKind::internal, "CUDA architectures: \"{}\" ends in an unknown \"{}\"", item, rest);
  }
  return result;
}

bool serves(const Architecture& built, int major, int minor) {
  if (built.exact) return built.major == major && built.minor == minor;
  if (built.machine_code && built.major == major && built.minor <= minor) return true;
  return built.intermediate && built.major * 10 + built.minor <= major * 10 + minor;
}

}  // namespace

bool runs_on(std::string_view architectures, int major, int minor) {
  while (!architectures.empty()) {
    const std::size_t length = architectures.find(';');
    if (serves(parse(architectures.substr(0, length)), major, minor)) return true;
    if (length == std::string_view::npos) break;
    architectures.remove_prefix(length + 1);
  }
  return false;
}

}  // namespace dcgan

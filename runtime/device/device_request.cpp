#include "runtime/device/device_request.h"

#include <fmt/format.h>

#include <charconv>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// Digits only: "+1", "-1" and "01" are refused.
bool parse_ordinal(std::string_view digits, int& ordinal) {
  if (digits.empty() || digits[0] == '-' || (digits[0] == '0' && digits.size() > 1)) return false;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

DeviceRequest parse_device_request(std::string_view word, std::string_view option) {
  using Kind = DeviceRequest::Kind;
  if (word == "auto") return {Kind::automatic, 0};
  if (word == "cpu") return {Kind::cpu, 0};
  if (word == "cuda") return {Kind::cuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  DeviceRequest request{Kind::cuda, 0};
  if (word.starts_with(kPrefix) && parse_ordinal(word.substr(kPrefix.size()), request.ordinal)) {
    return request;
  }
  fail(ErrorKind::usage, "--{}: '{}' is not {}", option, word, kDeviceChoices);
}

std::string to_string(const DeviceRequest& request) {
  switch (request.kind) {
    case DeviceRequest::Kind::automatic:
      return "auto";
    case DeviceRequest::Kind::cpu:
      return "cpu";
    case DeviceRequest::Kind::cuda:
      return request.ordinal == 0 ? "cuda" : fmt::format("cuda:{}", request.ordinal);
  }
  fail(ErrorKind::internal, "device: no name for kind {}", static_cast<int>(request.kind));
}

}  // namespace dcgan

// Values of options as text, by type. As JSON: models/checkpoint/config_json.h.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "models/checkpoint/config_json.h"
#include "runtime/base/enum_names.h"
#include "runtime/base/printable.h"
#include "runtime/device/device_request.h"

namespace dcgan::option_values {

using config_json::Json;
using config_json::refuse;

// from_chars and not strtod: the locale's decimal comma must not change what a number means.
template <class Number>
Number number_from_text(std::string_view option, std::string_view text, std::string_view wanted) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) refuse(option, text, wanted);
  return value;
}

inline void from_text(std::string_view, std::string_view text, std::string& value) { value = text; }
inline void from_text(std::string_view option, std::string_view text, std::int64_t& value) {
  value = number_from_text<std::int64_t>(option, text, "a whole number");
}
inline void from_text(std::string_view option, std::string_view text, double& value) {
  value = number_from_text<double>(option, text, "a number");
  if (!(value - value == 0.0)) refuse(option, text, "a finite number");
}
inline void from_text(std::string_view option, std::string_view text, bool& value) {
  if (text != "true" && text != "false") refuse(option, text, "true or false");
  value = text == "true";
}
inline void from_text(std::string_view, std::string_view text, std::vector<std::string>& value) {
  value.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) value.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}
template <class Enum>
requires std::is_enum_v<Enum>
void from_text(std::string_view option, std::string_view text, Enum& value) {
  value = enum_from_name<Enum>(printable(text, kMostShown), option);
}

inline void from_text(std::string_view option, std::string_view text, DeviceRequest& value) {
  value = parse_device_request(printable(text, kMostShown), option);
}

template <class Value>
std::string to_text(const Value& value) {
  const Json json = config_json::to_json(value);
  return json.is_string() ? json.template get<std::string>() : json.dump();
}

}  // namespace dcgan::option_values

// Values of options as text and as JSON, by type.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/enum_names.h"
#include "runtime/device/device_request.h"

namespace dcgan::option_values {

using Json = nlohmann::ordered_json;

[[noreturn]] inline void refuse(std::string_view option, std::string_view text,
                                std::string_view wanted) {
  fail(ErrorKind::usage, "--{}: '{}' is not {}", option, text, wanted);
}

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
  value = enum_from_name<Enum>(text, option);
}

inline void from_text(std::string_view option, std::string_view text, DeviceRequest& value) {
  value = parse_device_request(text, option);
}

template <class Value>
Json to_json(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return std::string(enum_name(value));
  } else if constexpr (std::is_same_v<Value, DeviceRequest>) {
    return to_string(value);
  } else {
    return value;
  }
}

template <class Value>
std::string to_text(const Value& value) {
  const Json json = to_json(value);
  return json.is_string() ? json.template get<std::string>() : json.dump();
}

template <class Value>
void from_json(std::string_view option, const Json& json, Value& value) {
  const auto require = [&](bool right, std::string_view wanted) {
    if (!right) refuse(option, json.dump(), wanted);
  };
  if constexpr (std::is_same_v<Value, bool>) {
    require(json.is_boolean(), "true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<Value, std::int64_t>) {
    require(json.is_number_integer() && !(json.is_number_unsigned() &&
                                          json.get<std::uint64_t>() > std::uint64_t{INT64_MAX}),
            "a whole number");
    value = json.get<std::int64_t>();
  } else if constexpr (std::is_same_v<Value, double>) {
    require(json.is_number(), "a number");
    value = json.get<double>();
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    require(json.is_array(), "a list of strings");
    value.clear();
    for (const Json& item : json) {
      require(item.is_string(), "a list of strings");
      value.push_back(item.get<std::string>());
    }
  } else {
    require(json.is_string(), "a string");
    from_text(option, json.get<std::string>(), value);
  }
}

}  // namespace dcgan::option_values

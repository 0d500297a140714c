// A run's configuration as JSON: one object, an option's name to a switch, a number, a word or a
// list of words. It is config.json of a checkpoint and the file of --config.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/enum_names.h"
#include "runtime/base/printable.h"
#include "runtime/device/device_request.h"

namespace dcgan::config_json {

using Json = nlohmann::ordered_json;  // options keep their order

/// The object. `source` is for messages. Throws Error(config) when it is no JSON, no object, nested
/// more than 100 levels deep, holds a number out of range, or sets an option twice.
Json parse(std::string_view text, std::string_view source);

/// Throws Error(usage): "--OPTION: 'TEXT' is not WANTED".
[[noreturn]] void refuse(std::string_view option, std::string_view text, std::string_view wanted);

/// A string as JSON. Bytes that are not UTF-8 (paths may be) become {"hex": "72756eff"}.
Json text_to_json(const std::string& text);
/// Nothing when it is neither of both.
std::optional<std::string> text_from_json(const Json& json);

template <class Value>
Json to_json(const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return std::string(enum_name(value));
  } else if constexpr (std::is_same_v<Value, DeviceRequest>) {
    return to_string(value);
  } else if constexpr (std::is_same_v<Value, std::string>) {
    return text_to_json(value);
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    Json list = Json::array();
    for (const std::string& item : value) list.push_back(text_to_json(item));
    return list;
  } else {
    return value;
  }
}

/// Throws Error(usage) naming the option and its value when the type is another.
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
      const std::optional<std::string> text = text_from_json(item);
      require(text.has_value(), "a list of strings");
      value.push_back(*text);
    }
  } else if constexpr (std::is_enum_v<Value>) {
    require(json.is_string(), "a string");
    value = enum_from_name<Value>(printable(json.get<std::string>(), kMostShown), option);
  } else if constexpr (std::is_same_v<Value, DeviceRequest>) {
    require(json.is_string(), "a string");
    value = parse_device_request(printable(json.get<std::string>(), kMostShown), option);
  } else {
    const std::optional<std::string> text = text_from_json(json);
    require(text.has_value(), "a string");
    value = *text;
  }
}

}  // namespace dcgan::config_json

#include "models/checkpoint/config_json.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "runtime/base/printable.h"
#include "runtime/io/json_text.h"

namespace dcgan::config_json {

Json parse(std::string_view text, std::string_view source) {
  if (const auto fault = json_fault(text)) fail(ErrorKind::config, "{}: {}", source, *fault);
  std::set<std::string> seen;
  const auto refuse_duplicates = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key &&
        !seen.insert(parsed.get<std::string>()).second) {
      fail(ErrorKind::config, "{}: {} is set twice", source, in_quotes(parsed.get<std::string>()));
    }
    return true;
  };
  Json json = Json::parse(text, refuse_duplicates);
  if (!json.is_object()) fail(ErrorKind::config, "{}: not a JSON object", source);
  return json;
}

void refuse(std::string_view option, std::string_view text, std::string_view wanted) {
  fail(ErrorKind::usage, "--{}: '{}' is not {}", option, printable(text, kMostShown), wanted);
}

Json text_to_json(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string digits;
  for (const char c : text) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return {{"hex", digits}};
}

std::optional<std::string> text_from_json(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  const auto hex = json.is_object() && json.size() == 1 ? json.find("hex") : json.end();
  if (hex == json.end() || !hex->is_string()) return std::nullopt;
  const auto& digits = hex->get_ref<const std::string&>();
  std::string text;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(&digits[i], &digits[i] + 2, byte, 16);
    if (error != std::errc{} || end != &digits[i] + 2) return std::nullopt;
    text += static_cast<char>(byte);
  }
  return digits.size() % 2 == 0 ? std::optional(text) : std::nullopt;
}

}  // namespace dcgan::config_json

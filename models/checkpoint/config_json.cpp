#include "models/checkpoint/config_json.h"

#include <fmt/format.h>

#include <set>

namespace dcgan::config_json {

Json parse(std::string_view text, std::string_view source) {
  std::set<std::string> seen;
  const auto refuse_duplicates = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key &&
        !seen.insert(parsed.get<std::string>()).second) {
      fail(ErrorKind::config, "{}: \"{}\" is set twice", source, parsed.get<std::string>());
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, refuse_duplicates);
  } catch (const Json::parse_error& error) {
    fail(ErrorKind::config, "{}: not JSON: {}", source, error.what());
  }
  if (!json.is_object()) fail(ErrorKind::config, "{}: not a JSON object", source);
  return json;
}

void refuse(std::string_view option, std::string_view text, std::string_view wanted) {
  fail(ErrorKind::usage, "--{}: '{}' is not {}", option, text, wanted);
}

}  // namespace dcgan::config_json

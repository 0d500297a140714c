#include "runtime/io/json_text.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

using namespace dcgan;

namespace {

std::string nested(int levels, char open, char close) {
  return std::string(static_cast<std::size_t>(levels), open) +
         std::string(static_cast<std::size_t>(levels), close);
}

}  // namespace

TEST_CASE("a text without a fault parses") {
  for (const std::string& text :
       {std::string("{}"), std::string("[1, -2, 1.5e300, true, null, \"\\u00e9\"]"),
        nested(kMostJsonLevels, '[', ']')}) {
    INFO(text);
    REQUIRE(json_fault(text) == std::nullopt);
    CHECK(!nlohmann::json::parse(text).is_discarded());
  }
}

TEST_CASE("what is no JSON is said with its byte and without a library's words") {
  for (const auto& [text, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"", "not JSON at byte 1"},
           {"{\"a\": }", "not JSON at byte 7"},
           {"{} {}", "not JSON at byte 4"},
           {"\"\xff\"", "not JSON at byte 2"},
           {"[1e999]", "the number \"1e999\" is out of range"},
           {"[-1e400]", "the number \"-1e400\" is out of range"},
           {nested(101, '[', ']'), "nested more than 100 levels deep"},
           {nested(1'000'000, '[', ']'), "nested more than 100 levels deep"}}) {
    INFO(text.substr(0, 50));
    CHECK(json_fault(text).value_or("none") == wanted);
  }
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(json_fault(objects).value_or("none") == "nested more than 100 levels deep");
}

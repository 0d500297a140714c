#include "runtime/io/json_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/base/printable.h"

namespace dcgan {
namespace {

using Json = nlohmann::json;

// Events of the parser; each returns whether to go on.
class FaultFinder : public nlohmann::json_sax<Json> {
 public:
  std::optional<std::string> fault;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(std::string&) override { return true; }
  bool start_object(std::size_t) override { return descend(); }
  bool start_array(std::size_t) override { return descend(); }
  bool end_object() override { return ascend(); }
  bool end_array() override { return ascend(); }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOutOfRange = 406;
    fault = error.id == kNumberOutOfRange
                ? fmt::format("the number {} is out of range", in_quotes(token))
                : fmt::format("not JSON at byte {}", position);
    return false;
  }

 private:
  bool descend() {
    if (++level_ <= kMostJsonLevels) return true;
    fault = fmt::format("nested more than {} levels deep", kMostJsonLevels);
    return false;
  }
  bool ascend() {
    --level_;
    return true;
  }

  int level_ = 0;
};

}  // namespace

std::optional<std::string> json_fault(std::string_view text) {
  FaultFinder finder;
  Json::sax_parse(text.begin(), text.end(), &finder);
  return finder.fault;
}

}  // namespace dcgan

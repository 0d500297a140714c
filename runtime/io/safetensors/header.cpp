#include "runtime/io/safetensors/header.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"

namespace dcgan {
namespace {

using Json = nlohmann::json;

// Parses events and not a document: a document keeps the last of two equal keys and turns 2^64 into
// a float. The state is the nesting depth: an object or array deeper than the format allows is
// refused where it begins.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { refuse_value("null"); }
  bool boolean(bool value) override { refuse_value(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override { refuse_value(fmt::format("{}", value)); }
  bool number_float(double, const std::string& text) override { refuse_value(text); }
  bool binary(binary_t&) override { refuse_value("binary data"); }

  bool number_unsigned(std::uint64_t value) override {
    if (state_ == State::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse("{}: extent {} is above 2^63 - 1", where(), value);
      }
      entry().extents.push_back(static_cast<std::int64_t>(value));
    } else if (state_ == State::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? entry().begin : entry().end) = value;
    } else {
      refuse_value(fmt::format("{}", value));
    }
    return true;
  }

  bool string(std::string& value) override {
    if (state_ == State::metadata) {
      header_.metadata[key_] = value;
    } else if (state_ == State::tensor && key_ == "dtype") {
      entry().dtype = value;
    } else {
      refuse_value(in_quotes(value));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (state_ == State::outside) {
      state_ = State::root;
    } else if (state_ == State::root && key_ == kSafetensorsMetadataKey) {
      state_ = State::metadata;
    } else if (state_ == State::root) {
      state_ = State::tensor;
      header_.entries.push_back({key_, "", {}, 0, 0});
      fields_.clear();
    } else {
      refuse_value("an object");
    }
    return true;
  }

  bool key(std::string& name) override {
    if (state_ == State::root && !names_.insert(name).second) {
      refuse("the name {} stands twice", in_quotes(name));
    } else if (state_ == State::metadata && header_.metadata.contains(name)) {
      refuse("__metadata__: the key {} stands twice", in_quotes(name));
    } else if (state_ == State::tensor) {
      if (name != "dtype" && name != "shape" && name != "data_offsets") {
        refuse("tensor {}: unknown key {}", tensor_name(), in_quotes(name));
      }
      if (!fields_.insert(name).second) refuse("tensor {}: {} stands twice", tensor_name(), name);
    }
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (state_ == State::tensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"}) {
        if (!fields_.contains(field)) refuse("tensor {}: {} is missing", tensor_name(), field);
      }
    }
    state_ = state_ == State::root ? State::outside : State::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ == State::tensor && key_ == "shape") {
      state_ = State::shape;
    } else if (state_ == State::tensor && key_ == "data_offsets") {
      state_ = State::offsets;
      offsets_ = 0;
    } else {
      refuse_value("an array");
    }
    return true;
  }

  bool end_array() override {
    if (state_ == State::offsets && offsets_ != 2) {
      refuse("{}: {} numbers, not 2", where(), offsets_);
    }
    state_ = State::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOutOfRange = 406;
    if (error.id == kNumberOutOfRange) {
      refuse("the header's number {} is out of range", in_quotes(token));
    }
    refuse("the header is not JSON at byte {}", position);
  }

 private:
  enum class State { outside, root, metadata, tensor, shape, offsets };

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::bad_data, "{}: {}", file_, fmt::format(format, std::forward<Args>(args)...));
  }

  // A value of a kind that is not allowed at this position.
  [[noreturn]] void refuse_value(const std::string& found) const {
    refuse("{}: found {}, expected {}", where(), printable(found, kMostShown + 50), expected());
  }

  const char* expected() const {
    switch (state_) {
      case State::outside:
        return "an object";
      case State::root:
        return "an object";
      case State::metadata:
        return "text";
      case State::tensor:
        return key_ == "dtype" ? "text" : "an array";
      case State::shape:
        return "unsigned integers";
      case State::offsets:
        return "two unsigned integers";
    }
    return "";
  }

  std::string where() const {
    switch (state_) {
      case State::outside:
        return "the header";
      case State::root:
        return in_quotes(key_);
      case State::metadata:
        return fmt::format("__metadata__ {}", in_quotes(key_));
      default:
        return fmt::format("tensor {}: {}", tensor_name(), key_);
    }
  }

  std::string tensor_name() const { return in_quotes(header_.entries.back().name); }
  SafetensorsEntry& entry() { return header_.entries.back(); }

  const std::string& file_;
  SafetensorsHeader header_;
  State state_ = State::outside;
  std::string key_;
  std::unordered_set<std::string> names_;   // of the root
  std::unordered_set<std::string> fields_;  // of the tensor being read
  int offsets_ = 0;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& file) {
  // The parser skips a byte-order mark and ends the text at a zero byte; the format allows neither.
  if (json.empty() || json.front() != '{') {
    fail(ErrorKind::bad_data, "{}: the header does not begin with an object", file);
  }
  if (const std::size_t zero = json.find('\0'); zero != std::string_view::npos) {
    fail(ErrorKind::bad_data, "{}: the header holds a zero byte at {}", file, zero);
  }
  HeaderReader reader(file);
  Json::sax_parse(json.begin(), json.end(), &reader);
  return reader.take();
}

}  // namespace dcgan

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/data/packed/layout.h"
#include "models/data/packed/packed_file.h"
#include "runtime/base/build_config.h"
#include "runtime/base/printable.h"
#include "runtime/io/json_text.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;  // names keep their order

const char* text_of(CorruptPolicy policy) {
  return policy == CorruptPolicy::fail ? "fail" : "skip";
}

}  // namespace

std::string describe_source(const DatasetOptions& options, std::size_t skipped) {
  Json json;
  json["dataset"] = std::string(enum_name(options.kind));
  if (options.kind == DatasetKind::strokes) {
    json["strokes-count"] = options.count;
    json["seed"] = options.seed;
  } else {
    json["data"] = options.path.string();
  }
  if (options.kind == DatasetKind::folder) {
    json["classes"] = options.classes;
    json["on-corrupt"] = text_of(options.on_corrupt);
    json["skipped"] = skipped;
  }
  json["image-size"] = options.image_size;
  json["channels"] = options.channels;
  json["version"] = kVersion;
  // Paths need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// For messages alone, so that a document model, which keeps the last of two equal keys, does.
std::string source_name(const std::string& description, const std::string& file) {
  const Json json = json_fault(description) ? Json() : Json::parse(description);
  const auto text = [&json](const char* key) -> const std::string* {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found == json.end() ? nullptr : found->get_ptr<const std::string*>();
  };
  const std::string* kind = text("dataset");
  if (kind == nullptr) {
    fail(ErrorKind::bad_data,
         "{}: offset {}: the description is {}, expected a JSON object with the text \"dataset\"",
         file, packed::offset::description, in_quotes(description));
  }
  const auto known = enum_table(DatasetKind{});
  const bool is_known = std::any_of(known.begin(), known.end(),
                                    [kind](const auto& entry) { return entry.first == *kind; });
  const std::string name = is_known ? *kind : in_quotes(*kind);
  const std::string* data = text("data");
  return data == nullptr ? name : name + " " + in_quotes(*data);
}

}  // namespace dcgan

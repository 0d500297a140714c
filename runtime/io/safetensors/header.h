// Parses the JSON header of a safetensors file, which is untrusted, into checked entries.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {

inline constexpr std::uint64_t kMaxSafetensorsHeader =
    100'000'000;  // bytes; the format's own limit
inline constexpr std::string_view kSafetensorsMetadataKey = "__metadata__";

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  // in the order of the text
};

/// Throws Error(bad_data), prefixed with `file`, unless `json` is an object whose every member is
/// an object of exactly "dtype" (text), "shape" (unsigned integers) and "data_offsets" (two of
/// them), but for an optional "__metadata__" of text to text. Names are unique; the text is UTF-8.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& file);

/// Sorts the entries by their data and throws Error(bad_data) unless they cover [0, data_bytes)
/// without hole or overlap and each holds exactly what its shape and type need. The size of a
/// type that the format does not name is unknown: only the range of its data is checked.
void check_safetensors_layout(std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes,
                              const std::string& file);

}  // namespace dcgan

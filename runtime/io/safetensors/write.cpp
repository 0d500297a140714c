#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"
#include "runtime/io/files.h"
#include "runtime/io/safetensors/header.h"
#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {
namespace {

const char* type_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::f64:
      return "F64";
    case DType::u8:
      return "U8";
    case DType::i32:
      return "I32";
    case DType::i64:
      return "I64";
  }
  fail(ErrorKind::internal, "safetensors: no name for type {}", static_cast<int>(dtype));
}

std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    fail(ErrorKind::internal, "safetensors: {} is not UTF-8", in_quotes(text));
  }
}

// In order of decreasing alignment every tensor is aligned to its element type without holes.
void sort_and_check(std::vector<SafetensorsItem>& items) {
  std::sort(items.begin(), items.end(), [](const SafetensorsItem& a, const SafetensorsItem& b) {
    const std::size_t size_a = size_of(a.tensor.dtype);
    const std::size_t size_b = size_of(b.tensor.dtype);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  std::vector<std::string_view> names;
  for (const SafetensorsItem& item : items) {
    DCGAN_CHECK(item.name != kSafetensorsMetadataKey, "safetensors: a tensor named {}", item.name);
    names.push_back(item.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  DCGAN_CHECK(twice == names.end(), "safetensors: two tensors named {}", in_quotes(*twice));
}

std::string header_of(const std::vector<SafetensorsItem>& items,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata) {
      pairs.push_back(json_text(key) + ":" + json_text(value));
    }
    members.push_back(fmt::format("\"{}\":{{{}}}", kSafetensorsMetadataKey, fmt::join(pairs, ",")));
  }
  std::uint64_t offset = 0;
  for (const SafetensorsItem& item : items) {
    const std::uint64_t end = offset + item.tensor.bytes();
    members.push_back(fmt::format(
        "{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", json_text(item.name),
        type_name(item.tensor.dtype),
        fmt::join(item.tensor.shape.begin(), item.tensor.shape.end(), ","), offset, end));
    offset = end;
  }
  std::string header = fmt::format("{{{}}}", fmt::join(members, ","));
  header.append((8 - header.size() % 8) % 8, ' ');
  DCGAN_CHECK(header.size() <= kMaxSafetensorsHeader,
              "safetensors: a header of {} bytes is above the limit of {}", header.size(),
              kMaxSafetensorsHeader);
  return header;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::vector<SafetensorsItem> items,
                       const std::map<std::string, std::string>& metadata) {
  sort_and_check(items);
  const std::string header = header_of(items, metadata);
  const std::uint64_t length = header.size();
  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(&length, 1)),
                                                std::as_bytes(std::span(header))};
  for (const SafetensorsItem& item : items) {
    parts.emplace_back(static_cast<const std::byte*>(item.tensor.data), item.tensor.bytes());
  }
  write_parts_atomically(path, parts);
}

}  // namespace dcgan

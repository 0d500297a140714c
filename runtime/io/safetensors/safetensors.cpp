#include "runtime/io/safetensors/safetensors.h"

#include <bit>
#include <cstring>

#include "runtime/base/errors.h"
#include "runtime/base/printable.h"
#include "runtime/io/safetensors/header.h"

namespace dcgan {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's numbers are read in place");

std::string read_header(const OpenedFile& file, const std::filesystem::path& path) {
  std::uint64_t length = 0;
  if (file.bytes < sizeof length) {
    fail(ErrorKind::bad_data, "{}: {} bytes cannot hold the 8 of the header's length",
         path.string(), file.bytes);
  }
  read_exactly_at(file.descriptor, std::as_writable_bytes(std::span(&length, 1)), 0, path);
  if (length > kMaxSafetensorsHeader) {
    fail(ErrorKind::bad_data, "{}: a header of {} bytes is above the limit of {}", path.string(),
         length, kMaxSafetensorsHeader);
  }
  if (length > file.bytes - sizeof length) {
    fail(ErrorKind::bad_data, "{}: a header of {} bytes does not fit in a file of {}",
         path.string(), length, file.bytes);
  }
  std::string json(length, '\0');
  read_exactly_at(file.descriptor, std::as_writable_bytes(std::span(json)), sizeof length, path);
  return json;
}

DType dtype_of_entry(const SafetensorsEntry& entry, const std::string& file) {
  if (entry.dtype == "F32") return DType::f32;
  if (entry.dtype == "BF16") return DType::bf16;
  if (entry.dtype == "F64") return DType::f64;
  if (entry.dtype == "U8") return DType::u8;
  if (entry.dtype == "I32") return DType::i32;
  if (entry.dtype == "I64") return DType::i64;
  fail(ErrorKind::bad_data, "{}: tensor {}: type {} cannot be read here", file,
       in_quotes(entry.name), in_quotes(entry.dtype));
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path) {
  OpenedFile file = open_regular_file(path);
  const std::string json = read_header(file, path);
  SafetensorsHeader header = parse_safetensors_header(json, path.string());
  data_offset_ = sizeof(std::uint64_t) + json.size();
  check_safetensors_layout(header.entries, file.bytes - data_offset_, path.string());
  metadata_ = std::move(header.metadata);
  entries_ = std::move(header.entries);
  descriptor_ = std::move(file.descriptor);
}

const SafetensorsEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const SafetensorsEntry& e) { return e.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

const SafetensorsEntry& SafetensorsFile::required(const std::string& name) const {
  const SafetensorsEntry* entry = find(name);
  if (entry == nullptr) {
    fail(ErrorKind::bad_data, "{}: no tensor {} (of {})", path_.string(), in_quotes(name),
         entries_.size());
  }
  return *entry;
}

HostTensor SafetensorsFile::read_raw(const std::string& name) const {
  const SafetensorsEntry& entry = required(name);
  HostTensor tensor({static_cast<std::int64_t>(entry.end - entry.begin)}, DType::u8);
  const TensorView view = tensor.view();
  read_exactly_at(descriptor_, {static_cast<std::byte*>(view.data), view.bytes()},
                  data_offset_ + entry.begin, path_);
  return tensor;
}

HostTensor SafetensorsFile::read(const std::string& name) const {
  const SafetensorsEntry* entry = &required(name);
  const DType dtype = dtype_of_entry(*entry, path_.string());
  if (entry->extents.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    fail(ErrorKind::bad_data, "{}: tensor {}: rank {} is above the limit of {}", path_.string(),
         in_quotes(name), entry->extents.size(), Shape::kMaxRank);
  }
  HostTensor tensor(Shape(entry->extents.data(), static_cast<int>(entry->extents.size())), dtype);
  const TensorView view = tensor.view();
  read_exactly_at(descriptor_, {static_cast<std::byte*>(view.data), view.bytes()},
                  data_offset_ + entry->begin, path_);
  return tensor;
}

}  // namespace dcgan

// The safetensors format: u64 header length, JSON header, flat tensor data. Reading checks every
// rule of the format before anything is used; writing is canonical. Names and layouts of tensors
// are the writer's; nothing is converted here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/host_tensor.h"
#include "runtime/io/descriptor.h"

namespace dcgan {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  ///< as in the file: "F32", "BF16", "F64", "I64", "U8", "F16", ...
  std::vector<std::int64_t> extents;
  std::uint64_t begin = 0;  ///< bytes from the start of the data
  std::uint64_t end = 0;
};

/// An open file whose whole header has been checked. Data are read on demand with pread.
class SafetensorsFile {
 public:
  /// Throws Error(io) when it cannot be read, Error(bad_data) naming the rule, the tensor and the
  /// figures when the format is broken.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// In the order of the data.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  const SafetensorsEntry* find(const std::string& name) const;  ///< null when absent

  /// The tensor's values. Throws Error(bad_data) when it is absent, of a type without a DType, or
  /// of rank above Shape::kMaxRank.
  HostTensor read(const std::string& name) const;
  /// The tensor's bytes as (bytes) u8, whatever its type.
  HostTensor read_raw(const std::string& name) const;

 private:
  const SafetensorsEntry& required(const std::string& name) const;

  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t data_offset_ = 0;
  std::map<std::string, std::string> metadata_;
  std::vector<SafetensorsEntry> entries_;
};

struct SafetensorsItem {
  std::string name;
  ConstTensorView tensor;  ///< host memory
};

/// Writes atomically: header padded to 8 bytes, tensors by decreasing alignment, then name, no
/// holes. Throws Error(internal) on duplicate names.
void write_safetensors(const std::filesystem::path& path, std::vector<SafetensorsItem> items,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace dcgan

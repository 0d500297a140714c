// A data set in one file that ranks map into memory: decoded images, labels, checksums and what it
// was made from. layout.h has the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "models/data/dataset.h"

namespace dcgan {

struct PackedFile {
  Dataset dataset;          ///< its pixels are those of the file; without a name
  std::string description;  ///< JSON: what it was packed from
  std::int64_t classes = 0;
  std::uint64_t pixels_offset = 0;
  std::span<const std::byte> block_checksums;  ///< XXH3-64 of each 1 MiB of the pixels
};

/// Reads a packed file from its bytes, which must be valid as long as `owner` lives (without one:
/// as the result is used). Checks everything but the pixels, which it does not touch: sizes,
/// bounds, labels and the checksum of all that precedes the pixels. `name` is for messages. Throws
/// Error(bad_data) with the offset, what was found and what was expected.
PackedFile read_packed(std::span<const std::byte> bytes, const std::string& name,
                       std::shared_ptr<const void> owner = {});

/// Compares the pixels with their checksums. Throws Error(bad_data) naming the first bad block, its
/// offset and images.
void check_packed_pixels(const PackedFile& file, const std::string& name);

/// Options of the data set that change its images, as a JSON object. `skipped`: files left out.
std::string describe_source(const DatasetOptions& options, std::size_t skipped);
/// `folder "faces/"`: what a description names, for messages. Throws Error(bad_data) naming the
/// offset when it is not what describe_source() makes.
std::string source_name(const std::string& description, const std::string& file);

/// Writes atomically, over a packed file alone (runtime/io/output_file.h). Throws Error(io).
void write_packed(const std::filesystem::path& path, const Dataset& dataset,
                  const std::string& description);

}  // namespace dcgan

// Small data sets on disk, good and bad, for the loaders' tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "runtime/base/errors.h"
#include "runtime/io/files.h"
#include "runtime/io/image/image.h"

namespace dcgan::test {

using Octets = std::vector<std::uint8_t>;

inline void write_octets(const std::filesystem::path& path, const Octets& octets) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(octets.data()),
             static_cast<std::streamsize>(octets.size()));
}

inline Octets read_octets(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path, std::uint64_t{1} << 30);
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {first, first + bytes.size()};
}

/// An IDX file of u8 whose element i is (7 i) mod 256.
inline Octets idx_file(const std::vector<std::uint32_t>& extents) {
  Octets file{0, 0, 8, static_cast<std::uint8_t>(extents.size())};
  std::size_t elements = 1;
  for (const std::uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      file.push_back(static_cast<std::uint8_t>(extent >> shift));
    }
    elements *= extent;
  }
  for (std::size_t i = 0; i < elements; ++i) file.push_back(static_cast<std::uint8_t>(7 * i));
  return file;
}

/// An RGB picture that differs with `seed`.
inline Image picture(int width, int height, int seed) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < width * height * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 5 + seed * 37));
  }
  return image;
}

inline void write_picture(const std::filesystem::path& path, int seed, int width = 12,
                          int height = 9) {
  std::filesystem::create_directories(path.parent_path());
  write_png(path, picture(width, height, seed));
}

/// What loading throws; fails the test when it throws nothing.
inline Error load_error(const DatasetOptions& options) {
  try {
    load_dataset(options);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::internal, "nothing was thrown"};
}

}  // namespace dcgan::test

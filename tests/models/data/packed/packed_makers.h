// Packed files in memory, good ones and such as a fault or an attacker would make.
#pragma once

#include <cstring>
#include <span>
#include <string>

#include "models/data/packed/packed_file.h"
#include "tests/models/data/data_makers.h"
#include "tests/support/temporary_folder.h"

namespace dcgan::test {

/// Images whose bytes differ, with labels 0, 1, 2, 0, ...
inline Dataset counted_dataset(const Shape& shape, bool labels = true) {
  Dataset dataset;
  dataset.name = "counted";
  dataset.shape = shape;
  Octets pixels(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  }
  dataset.pixels = std::move(pixels);
  for (std::int64_t i = 0; labels && i < shape[0]; ++i) {
    dataset.labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  return dataset;
}

constexpr const char* kDescription = R"({"dataset":"folder","data":"faces/"})";

inline Octets packed_octets(const Dataset& dataset, const std::string& description = kDescription) {
  const TemporaryFolder folder;
  write_packed(folder / "x.packed", dataset, description);
  return read_octets(folder / "x.packed");
}

template <class T>
void set_at(Octets& file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

/// Makes the checksum of everything before the pixels right again, as an attacker would.
inline void reseal(Octets& file, std::size_t pixels_offset) {
  const std::size_t at = pixels_offset - 8;
  set_at(file, at, bytes_checksum(std::as_bytes(std::span(file).first(at))));
}

inline PackedFile read_octets_packed(const Octets& file) {
  return read_packed(std::as_bytes(std::span(file)), "x.packed");
}

}  // namespace dcgan::test

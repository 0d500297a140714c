#include <algorithm>
#include <array>

#include "models/data/packed/layout.h"
#include "models/data/packed/packed_file.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using namespace packed;

std::uint32_t classes_of(const Dataset& dataset) {
  const auto& labels = dataset.labels;
  if (labels.empty()) return 0;
  DCGAN_CHECK(labels.size() == static_cast<std::size_t>(dataset.size()),
              "pack: {} labels for {} images", labels.size(), dataset.size());
  const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
  DCGAN_CHECK(*least >= 0 && static_cast<std::uint32_t>(*most) < kMaxClasses, "pack: labels {}..{}",
              *least, *most);
  return static_cast<std::uint32_t>(*most) + 1;
}

void put_header(std::span<std::byte> index, const Dataset& dataset, std::uint64_t description_bytes,
                const Layout& layout) {
  const auto u32 = [](auto value) { return static_cast<std::uint32_t>(value); };
  const auto magic = std::as_bytes(std::span(kMagic));
  std::copy(magic.begin(), magic.end(), index.begin());
  put(index, offset::version, kVersion);
  put(index, offset::description_bytes, u32(description_bytes));
  put(index, offset::file_bytes, layout.file_bytes);
  put(index, offset::images, static_cast<std::uint64_t>(dataset.size()));
  put(index, offset::height, u32(dataset.shape[1]));
  put(index, offset::width, u32(dataset.shape[2]));
  put(index, offset::channels, u32(dataset.shape[3]));
  put(index, offset::classes, classes_of(dataset));
}

/// All that precedes the pixels.
std::vector<std::byte> make_index(const Dataset& dataset, std::string description) {
  if (description.size() > kMaxDescription - 8) {
    fail(ErrorKind::config, "pack: path and classes take {} bytes, {} are possible",
         description.size(), kMaxDescription - 8);
  }
  description.resize(round_up(description.size(), 8), ' ');
  const std::span<const std::byte> pixels =
      std::as_bytes(std::span(dataset.pixels.data(), dataset.pixels.size()));
  const Layout layout = layout_of(description.size(), dataset.labels.size(), pixels.size());
  std::vector<std::byte> index(layout.pixels);
  put_header(index, dataset, description.size(), layout);
  const auto copy = [&index](const void* from, std::size_t bytes, std::uint64_t to) {
    if (bytes > 0) std::memcpy(index.data() + to, from, bytes);
  };
  copy(description.data(), description.size(), offset::description);
  copy(dataset.labels.data(), dataset.labels.size() * sizeof(std::int32_t), layout.labels);
  for (std::uint64_t i = 0; i < layout.blocks; ++i) {
    put(std::span(index), layout.checksums + i * sizeof(std::uint64_t),
        bytes_checksum(block_of(pixels, i)));
  }
  put(std::span(index), layout.index_checksum,
      bytes_checksum(std::span(index).first(layout.index_checksum)));
  return index;
}

}  // namespace

void write_packed(const fs::path& path, const Dataset& dataset, const std::string& description) {
  const std::vector<std::byte> index = make_index(dataset, description);
  const std::array parts{std::span<const std::byte>(index),
                         std::as_bytes(std::span(dataset.pixels.data(), dataset.pixels.size()))};
  write_parts_atomically(path, parts);
}

}  // namespace dcgan

// The bytes of a packed file, version 1. All numbers are little-endian.
//
//   offset  bytes
//        0  8       magic
//        8  u32     version
//       12  u32     D, length of the description, a multiple of 8
//       16  u64     length of the file
//       24  u64     N, images
//       32  4 u32   H, W, C; number of classes, 0: no labels
//       48  D       description: a JSON object, padded with spaces
//           4 N     labels, i32 in [0, classes), if there are any; padded to a multiple of 8
//           8 B     XXH3-64 of each block of 1 MiB of the pixels (the last may be shorter)
//                   zeros
//      P-8  u64     XXH3-64 of the P - 8 bytes before
//        P  N H W C pixels, u8; P is a multiple of 4096 and they end the file
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace dcgan::packed {

// The high bit, the line endings and the end-of-text byte reveal a transfer as text, as PNG's do.
constexpr std::array<unsigned char, 8> kMagic = {0x89, 'D', 'C', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kPixelAlignment = 4096;
constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxDescription = std::uint64_t{1} << 16;
constexpr std::uint32_t kMaxSide = 4096;
constexpr std::uint32_t kMaxClasses = 0x7fffffff;

namespace offset {
constexpr std::size_t version = 8;
constexpr std::size_t description_bytes = 12;
constexpr std::size_t file_bytes = 16;
constexpr std::size_t images = 24;
constexpr std::size_t height = 32;
constexpr std::size_t width = 36;
constexpr std::size_t channels = 40;
constexpr std::size_t classes = 44;
constexpr std::size_t description = 48;
}  // namespace offset

/// Where each part begins, from the lengths of all of them.
struct Layout {
  std::uint64_t labels = 0;
  std::uint64_t checksums = 0;
  std::uint64_t index_checksum = 0;
  std::uint64_t pixels = 0;
  std::uint64_t blocks = 0;  ///< number of checksums
  std::uint64_t file_bytes = 0;
};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// `label_count` is 0 or the number of images. The sum of all lengths must be below 2^63.
constexpr Layout layout_of(std::uint64_t description_bytes, std::uint64_t label_count,
                           std::uint64_t pixel_bytes) {
  Layout layout;
  layout.blocks = (pixel_bytes + kBlockBytes - 1) / kBlockBytes;
  layout.labels = offset::description + description_bytes;
  layout.checksums = layout.labels + round_up(label_count * sizeof(std::int32_t), 8);
  layout.pixels =
      round_up(layout.checksums + (layout.blocks + 1) * sizeof(std::uint64_t), kPixelAlignment);
  layout.index_checksum = layout.pixels - sizeof(std::uint64_t);
  layout.file_bytes = layout.pixels + pixel_bytes;
  return layout;
}

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

template <class T>
T get(std::span<const std::byte> bytes, std::uint64_t at) {
  T value;
  std::memcpy(&value, bytes.subspan(at, sizeof value).data(), sizeof value);
  return value;
}

template <class T>
void put(std::span<std::byte> bytes, std::uint64_t at, T value) {
  std::memcpy(bytes.subspan(at, sizeof value).data(), &value, sizeof value);
}

/// Block `index` of the pixels.
inline std::span<const std::byte> block_of(std::span<const std::byte> pixels, std::uint64_t index) {
  const std::uint64_t begin = index * kBlockBytes;
  const std::uint64_t left = pixels.size() - begin;
  return pixels.subspan(begin, left < kBlockBytes ? left : kBlockBytes);
}

}  // namespace dcgan::packed

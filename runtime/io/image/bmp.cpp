// BMP of Windows and OS/2: palettes of 1, 4 and 8 bits (run lengths, too), 16, 24 and 32 bits.
#include <array>
#include <bit>
#include <cstdlib>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

enum Compression : std::uint32_t { kNone = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3, kMasksAlpha = 6 };

struct Bmp {
  std::span<const std::byte> bytes;
  const std::string& name;
  std::uint64_t pixels_at = 0;
  std::uint32_t header_bytes = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool top_down = false;
  std::uint32_t bits = 0;
  std::uint32_t compression = kNone;
  std::array<std::array<std::uint8_t, 3>, 256> palette{};  // RGB; black where the file has none
  std::array<std::uint32_t, 3> masks{0x7c00, 0x03e0, 0x001f};

  template <class... Values>
  [[noreturn]] void refuse(fmt::format_string<Values...> why, Values&&... values) const {
    fail(ErrorKind::bad_data, "{}: BMP: {}", name,
         fmt::format(why, std::forward<Values>(values)...));
  }
  std::uint32_t byte(std::uint64_t at) const {
    if (at >= bytes.size()) refuse("the file ends early");
    return static_cast<std::uint32_t>(bytes[static_cast<std::size_t>(at)]);
  }
  std::uint32_t u16(std::uint64_t at) const { return byte(at) | byte(at + 1) << 8; }
  std::uint32_t u32(std::uint64_t at) const { return u16(at) | u16(at + 2) << 16; }
  /// The first byte of a row's pixels, rows top to bottom as seen.
  std::uint8_t* row(Image& image, std::int64_t y) const {
    const std::int64_t seen = top_down ? y : height - 1 - y;
    return image.pixels.data() + seen * width * 3;
  }
};

void read_palette(Bmp& bmp, std::uint32_t count) {
  const std::uint32_t entry = bmp.header_bytes == 12 ? 3 : 4;
  if (count == 0 || count > 1u << bmp.bits) count = 1u << bmp.bits;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = std::uint64_t{14} + bmp.header_bytes + std::uint64_t{i} * entry;
    if (at + 3 > bmp.pixels_at) break;  // shorter than it says
    for (std::uint32_t c = 0; c < 3; ++c) {
      bmp.palette[i][c] = static_cast<std::uint8_t>(bmp.byte(at + 2 - c));
    }
  }
}

void read_header(Bmp& bmp) {
  bmp.pixels_at = bmp.u32(10);
  bmp.header_bytes = bmp.u32(14);
  std::uint32_t colours = 0;
  if (bmp.header_bytes == 12) {
    bmp.width = bmp.u16(18);
    bmp.height = bmp.u16(20);
    bmp.bits = bmp.u16(24);
  } else {
    bmp.width = std::int64_t{static_cast<std::int32_t>(bmp.u32(18))};
    bmp.height = std::int64_t{static_cast<std::int32_t>(bmp.u32(22))};
    bmp.bits = bmp.u16(28);
    bmp.compression = bmp.u32(30);
    colours = bmp.u32(46);
  }
  bmp.top_down = bmp.height < 0;
  bmp.height = std::abs(bmp.height);
  if (bmp.width < 0) bmp.refuse("the width is {}", bmp.width);
  if (bmp.compression == kMasks || bmp.compression == kMasksAlpha) {
    for (std::uint32_t c = 0; c < 3; ++c) bmp.masks[c] = bmp.u32(54 + 4 * c);
  } else if (bmp.bits == 32) {
    bmp.masks = {0xff0000, 0xff00, 0xff};
  }
  if (bmp.bits == 1 || bmp.bits == 4 || bmp.bits == 8) read_palette(bmp, colours);
}

void require_readable(const Bmp& bmp) {
  const bool palette = bmp.bits == 1 || bmp.bits == 4 || bmp.bits == 8;
  const bool words = bmp.bits == 16 || bmp.bits == 32;
  const bool is_known = (bmp.compression == kNone && (palette || words || bmp.bits == 24)) ||
                        (bmp.compression == kRuns8 && bmp.bits == 8) ||
                        (bmp.compression == kRuns4 && bmp.bits == 4) ||
                        ((bmp.compression == kMasks || bmp.compression == kMasksAlpha) && words);
  if (!is_known) bmp.refuse("{} bits a pixel of compression {}", bmp.bits, bmp.compression);
}

std::uint8_t masked(std::uint32_t value, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t most = mask >> shift;
  return static_cast<std::uint8_t>(((value & mask) >> shift) * std::uint64_t{255} / most);
}

void put_index(const Bmp& bmp, std::uint8_t* rgb, std::uint32_t index) {
  for (std::size_t c = 0; c < 3; ++c) rgb[c] = bmp.palette[index][c];
}

void read_pixel(const Bmp& bmp, std::uint64_t row_at, std::int64_t x, std::uint8_t* rgb) {
  const std::uint64_t bit = static_cast<std::uint64_t>(x) * bmp.bits;
  const std::uint64_t at = row_at + bit / 8;
  if (bmp.bits <= 8) {
    const auto shift = static_cast<std::uint32_t>(8 - bmp.bits - bit % 8);
    return put_index(bmp, rgb, bmp.byte(at) >> shift & ((1u << bmp.bits) - 1));
  }
  if (bmp.bits == 24) {
    for (std::uint32_t c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(bmp.byte(at + 2 - c));
    return;
  }
  const std::uint32_t value = bmp.bits == 16 ? bmp.u16(at) : bmp.u32(at);
  for (std::size_t c = 0; c < 3; ++c) rgb[c] = masked(value, bmp.masks[c]);
}

// Runs of equal pixels and literal stretches; what no run covers has index 0.
void read_runs(const Bmp& bmp, Image& image) {
  const bool nibbles = bmp.bits == 4;
  for (std::int64_t i = 0; i < bmp.width * bmp.height; ++i) {
    put_index(bmp, &image.pixels[static_cast<std::size_t>(i) * 3], 0);
  }
  std::uint64_t at = bmp.pixels_at;
  std::int64_t x = 0;
  std::int64_t y = 0;
  const auto put = [&](std::uint32_t pair, std::uint32_t i) {
    if (x >= bmp.width || y >= bmp.height) bmp.refuse("a run leaves the picture");
    const std::uint32_t index = !nibbles ? pair : (i % 2 == 0 ? pair >> 4 : pair & 15u);
    put_index(bmp, bmp.row(image, y) + x++ * 3, index);
  };
  for (;;) {
    const std::uint32_t count = bmp.byte(at);
    const std::uint32_t code = bmp.byte(at + 1);
    at += 2;
    if (count > 0) {
      for (std::uint32_t i = 0; i < count; ++i) put(code, i);
    } else if (code == 0) {
      x = 0;
      ++y;
    } else if (code == 1) {
      return;
    } else if (code == 2) {
      x += bmp.byte(at);
      y += bmp.byte(at + 1);
      at += 2;
    } else {
      const std::uint32_t bytes = nibbles ? (code + 1) / 2 : code;
      for (std::uint32_t i = 0; i < code; ++i) put(bmp.byte(at + (nibbles ? i / 2 : i)), i);
      at += bytes + bytes % 2;
    }
  }
}

}  // namespace

Image decode_bmp(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits) {
  Bmp bmp{.bytes = bytes, .name = name};
  read_header(bmp);
  check_pixel_count(static_cast<std::uint64_t>(bmp.width), static_cast<std::uint64_t>(bmp.height),
                    name, limits);
  require_readable(bmp);
  const bool runs = bmp.compression == kRuns8 || bmp.compression == kRuns4;
  const std::uint64_t stride = (static_cast<std::uint64_t>(bmp.width) * bmp.bits + 31) / 32 * 4;
  const std::uint64_t last = bmp.pixels_at + stride * static_cast<std::uint64_t>(bmp.height - 1) +
                             (static_cast<std::uint64_t>(bmp.width) * bmp.bits + 7) / 8;
  if (!runs && last > bytes.size()) bmp.refuse("the file ends early");
  Image image{static_cast<int>(bmp.width), static_cast<int>(bmp.height), 3,
              std::vector<std::uint8_t>(static_cast<std::size_t>(bmp.width * bmp.height * 3))};
  if (runs) {
    read_runs(bmp, image);
    return image;
  }
  for (std::int64_t y = 0; y < bmp.height; ++y) {
    const std::uint64_t row_at = bmp.pixels_at + stride * static_cast<std::uint64_t>(y);
    for (std::int64_t x = 0; x < bmp.width; ++x) {
      read_pixel(bmp, row_at, x, bmp.row(image, y) + x * 3);
    }
  }
  return image;
}

}  // namespace dcgan

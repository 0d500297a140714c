// Animated PNG: each frame is encoded as a PNG of its own, and its image data are copied into the
// chunks of the animation (https://wiki.mozilla.org/APNG_Specification). Readers that do not know
// animations show the first frame.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/base/errors.h"
#include "runtime/io/files.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

constexpr std::size_t kSignature = 8;  // bytes
constexpr std::size_t kFraming = 12;   // bytes around a chunk's data: length, type, checksum

using Bytes = std::vector<std::byte>;

void put_big_endian(Bytes& to, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    to.push_back(static_cast<std::byte>(value >> shift));
  }
}

std::uint32_t big_endian_at(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (const std::byte b : bytes.subspan(offset, 4))
    value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

void put_chunk(Bytes& to, std::string_view type, std::span<const std::byte> data) {
  put_big_endian(to, static_cast<std::uint32_t>(data.size()), 4);
  const std::size_t checked_from = to.size();
  const auto name = std::as_bytes(std::span(type));
  to.insert(to.end(), name.begin(), name.end());
  to.insert(to.end(), data.begin(), data.end());
  const uLong checksum = crc32_z(0, reinterpret_cast<const Bytef*>(to.data() + checked_from),
                                 to.size() - checked_from);
  put_big_endian(to, static_cast<std::uint32_t>(checksum), 4);
}

// Calls body(data) for each chunk of one type of a PNG that encode_png has made.
template <class Body>
void for_each_chunk(std::span<const std::byte> png, std::string_view type, const Body& body) {
  for (std::size_t at = kSignature; at + kFraming <= png.size();) {
    const std::size_t length = big_endian_at(png, at);
    const auto name = png.subspan(at + 4, 4);
    if (std::equal(name.begin(), name.end(), std::as_bytes(std::span(type)).begin())) {
      body(png.subspan(at + 8, length));
    }
    at += length + kFraming;
  }
}

Bytes animation_control(std::size_t frames) {
  Bytes data;
  put_big_endian(data, static_cast<std::uint32_t>(frames), 4);
  put_big_endian(data, 0, 4);  // repeats: 0 is without end
  return data;
}

Bytes frame_control(std::uint32_t sequence, const Image& image, int delay_ms) {
  Bytes data;
  put_big_endian(data, sequence, 4);
  put_big_endian(data, static_cast<std::uint32_t>(image.width), 4);
  put_big_endian(data, static_cast<std::uint32_t>(image.height), 4);
  put_big_endian(data, 0, 4);  // x offset
  put_big_endian(data, 0, 4);  // y offset
  put_big_endian(data, static_cast<std::uint32_t>(delay_ms), 2);
  put_big_endian(data, 1000, 2);  // parts of a second
  put_big_endian(data, 0, 1);     // the frame stays until the next
  put_big_endian(data, 0, 1);     // and replaces the frame before
  return data;
}

void check_frames(std::span<const Image> frames, int delay_ms) {
  DCGAN_CHECK(!frames.empty(), "animated PNG: no frames");
  DCGAN_CHECK(delay_ms >= 0 && delay_ms <= 65535, "animated PNG: a delay of {} ms, not 0 to 65535",
              delay_ms);
  for (const Image& frame : frames) {
    DCGAN_CHECK(frame.width == frames[0].width && frame.height == frames[0].height &&
                    frame.channels == frames[0].channels,
                "animated PNG: a frame of {} x {} x {} among frames of {} x {} x {}", frame.height,
                frame.width, frame.channels, frames[0].height, frames[0].width, frames[0].channels);
  }
}

}  // namespace

void write_animated_png(const std::filesystem::path& path, std::span<const Image> frames,
                        int delay_ms) {
  check_frames(frames, delay_ms);
  Bytes output;
  std::uint32_t sequence = 0;  // counts fcTL and fdAT chunks together
  for (const Image& frame : frames) {
    const Bytes png = encode_png(frame);
    const bool first = output.empty();
    if (first) {
      output.assign(png.begin(), png.begin() + kSignature);
      for_each_chunk(png, "IHDR", [&](auto data) { put_chunk(output, "IHDR", data); });
      put_chunk(output, "acTL", animation_control(frames.size()));
    }
    put_chunk(output, "fcTL", frame_control(sequence++, frame, delay_ms));
    for_each_chunk(png, "IDAT", [&](std::span<const std::byte> data) {
      if (first) return put_chunk(output, "IDAT", data);
      Bytes numbered;
      put_big_endian(numbered, sequence++, 4);
      numbered.insert(numbered.end(), data.begin(), data.end());
      put_chunk(output, "fdAT", numbered);
    });
  }
  put_chunk(output, "IEND", {});
  write_file_atomically(path, output);
}

}  // namespace dcgan

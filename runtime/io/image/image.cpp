#include "runtime/io/image/image.h"

#include <algorithm>
#include <array>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

constexpr std::array<std::uint8_t, 3> kJpegStart{0xff, 0xd8, 0xff};
constexpr std::array<std::uint8_t, 8> kPngStart{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

template <std::size_t N>
bool begins_with(std::span<const std::byte> bytes, const std::array<std::uint8_t, N>& start) {
  return bytes.size() >= N &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](std::uint8_t a, std::byte b) { return std::byte{a} == b; });
}

// ITU-R 601 luma in 16 bits of fraction, rounded; the three weights add up to 65536.
std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeLimits& limits) {
  if (begins_with(bytes, kJpegStart)) return decode_jpeg(bytes, name, limits);
  if (begins_with(bytes, kPngStart)) return decode_png(bytes, name, limits);
  fail(ErrorKind::bad_data, "{}: neither a JPEG nor a PNG ({} bytes)", name, bytes.size());
}

Image convert_channels(const Image& image, int wanted) {
  check_image(image);
  DCGAN_CHECK(wanted == 1 || wanted == 3, "image: {} channels wanted, 1 or 3 can be had", wanted);
  if (image.channels == wanted) return image;
  const std::size_t pixels =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  const auto from_channels = static_cast<std::size_t>(image.channels);
  Image result{image.width, image.height, wanted, {}};
  result.pixels.resize(pixels * static_cast<std::size_t>(wanted));
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* from = &image.pixels[i * from_channels];
    if (wanted == 1) {
      result.pixels[i] = luma(from);
    } else {
      for (std::size_t c = 0; c < 3; ++c) {
        result.pixels[3 * i + c] = from_channels == 1 ? from[0] : from[c];
      }
    }
  }
  return result;
}

void check_pixel_count(std::uint64_t width, std::uint64_t height, const std::string& name,
                       const DecodeLimits& limits) {
  // Both formats hold extents in 32 bits: the product fits.
  if (width * height > limits.max_pixels) {
    fail(ErrorKind::bad_data, "{}: {} x {} pixels are above the limit of {}", name, width, height,
         limits.max_pixels);
  }
}

void check_image(const Image& image) {
  DCGAN_CHECK(image.channels == 1 || image.channels == 3 || image.channels == 4,
              "image: {} channels, not 1, 3 or 4", image.channels);
  DCGAN_CHECK(image.width > 0 && image.height > 0, "image: {} x {} pixels", image.width,
              image.height);
  const std::uint64_t samples = static_cast<std::uint64_t>(image.width) *
                                static_cast<std::uint64_t>(image.height) *
                                static_cast<std::uint64_t>(image.channels);
  DCGAN_CHECK(image.pixels.size() == samples, "image: {} samples for {} x {} x {}",
              image.pixels.size(), image.height, image.width, image.channels);
}

}  // namespace dcgan

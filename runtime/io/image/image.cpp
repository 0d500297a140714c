#include "runtime/io/image/image.h"

#include <algorithm>
#include <string_view>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

using namespace std::string_view_literals;

bool is_webp(std::string_view s) { return s.starts_with("RIFF") && s.find("WEBP") == 8; }

bool is_tiff(std::string_view s) {  // classic and BigTIFF, either byte order
  return s.starts_with("II*\0"sv) || s.starts_with("MM\0*"sv) || s.starts_with("II+\0"sv) ||
         s.starts_with("MM\0+"sv);
}

// "BM" begins words, too: the size of the header behind the file's own is one of those in use.
bool is_bmp(std::string_view s) {
  constexpr auto kSizes = "\x0c\x28\x34\x38\x40\x6c\x7c"sv;
  return s.size() >= 18 && s.starts_with("BM") && kSizes.find(s[14]) != std::string_view::npos &&
         s.substr(15, 3) == "\0\0\0"sv;
}

bool is_pnm(std::string_view s) {
  return s.size() >= 3 && s[0] == 'P' && s[1] >= '1' && s[1] <= '6' &&
         " \t\n\r#"sv.find(s[2]) != std::string_view::npos;
}

// ITU-R 601 luma in 16 bits of fraction, rounded; the three weights add up to 65536.
std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

}  // namespace

std::optional<ImageFormat> image_format(std::span<const std::byte> first_bytes) {
  const std::string_view start(reinterpret_cast<const char*>(first_bytes.data()),
                               std::min(first_bytes.size(), kImageStartBytes));
  if (start.starts_with("\xff\xd8\xff")) return ImageFormat::jpeg;
  if (start.starts_with("\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (is_webp(start)) return ImageFormat::webp;
  if (is_bmp(start)) return ImageFormat::bmp;
  if (start.starts_with("GIF87a") || start.starts_with("GIF89a")) return ImageFormat::gif;
  if (is_tiff(start)) return ImageFormat::tiff;
  if (is_pnm(start)) return ImageFormat::pnm;
  return std::nullopt;
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeLimits& limits) {
  const std::optional<ImageFormat> format = image_format(bytes);
  if (!format) {
    fail(ErrorKind::bad_data, "{}: of no picture format that is read ({} bytes)", name,
         bytes.size());
  }
  switch (*format) {
    case ImageFormat::jpeg:
      return decode_jpeg(bytes, name, limits);
    case ImageFormat::png:
      return decode_png(bytes, name, limits);
    case ImageFormat::webp:
      return decode_webp(bytes, name, limits);
    case ImageFormat::bmp:
      return decode_bmp(bytes, name, limits);
    case ImageFormat::gif:
      return decode_gif(bytes, name, limits);
    case ImageFormat::tiff:
      return decode_tiff(bytes, name, limits);
    case ImageFormat::pnm:
      return decode_pnm(bytes, name, limits);
  }
  fail(ErrorKind::internal, "{}: unknown picture format", name);
}

void fail_without(const char* format, const char* library, const std::string& name) {
  fail(ErrorKind::unavailable, "{}: {}: this program was built without {}", name, format, library);
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
  if (width == 0 || height == 0) {
    fail(ErrorKind::bad_data, "{}: {} x {} pixels", name, width, height);
  }
  // All formats hold extents in 32 bits: the product fits.
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

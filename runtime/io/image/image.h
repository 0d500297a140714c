// Images: decodes JPEG, PNG, WebP, BMP, GIF, TIFF and PBM/PGM/PPM into 8-bit pixels, writes PNG and
// animated PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dcgan {

/// 8-bit pixels, rows top to bottom, channels innermost: 1 (grey), 3 (RGB) or 4 (RGBA,
/// unassociated).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;  // (height, width, channels)
};

struct DecodeLimits {
  std::uint64_t max_pixels = 100'000'000;  ///< width * height, checked after the header alone
  int max_jpeg_scans = 100;                ///< progressive files with more are refused
};

enum class ImageFormat { jpeg, png, webp, bmp, gif, tiff, pnm };

/// So many of a file's first bytes are enough for image_format().
inline constexpr std::size_t kImageStartBytes = 32;
/// What a file that begins so is, whatever its name; nothing: no picture that is known here.
std::optional<ImageFormat> image_format(std::span<const std::byte> first_bytes);

/// Decodes a JPEG (grey, YCbCr, CMYK and YCCK, baseline and progressive), a PNG (palette, 1 to 16
/// bits, alpha, interlaced), or a picture of another format as Pillow reads it: of GIF, TIFF and
/// animated WebP the first frame or page. The first bytes say which, not the name. 16-bit samples
/// keep their upper byte (PPM's are scaled by its largest sample); CMYK becomes RGB; palettes
/// become RGB or RGBA. Throws Error(bad_data) with `name` and the library's reason, before more
/// memory is allocated than the limits allow, and Error(unavailable) for WebP, GIF or TIFF in a
/// build without its library. A warning of the JPEG library that means lost image data (a truncated
/// file) is an error.
Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeLimits& limits = {});

/// Channels `wanted` (1 or 3) as PIL's convert("L") and convert("RGB"): alpha is dropped, grey is
/// (299 R + 587 G + 114 B) / 1000 in PIL's fixed point.
Image convert_channels(const Image& image, int wanted);

void write_png(const std::filesystem::path& path, const Image& image);
/// Plays forever, each frame `delay_ms` long. Frames of equal size and channels, at least one.
void write_animated_png(const std::filesystem::path& path, std::span<const Image> frames,
                        int delay_ms);

}  // namespace dcgan

// The codecs behind image.h, one file each.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/io/image/image.h"

namespace dcgan {

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits);
Image decode_png(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits);
Image decode_bmp(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits);
Image decode_pnm(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits);
// A build without their library has those of absent/, which call fail_without().
Image decode_webp(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits);
Image decode_gif(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits);
Image decode_tiff(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits);
/// Throws Error(unavailable): a whole picture, and no way to read it.
[[noreturn]] void fail_without(const char* format, const char* library, const std::string& name);

/// A whole PNG file in memory: 8 bits a sample, not interlaced.
std::vector<std::byte> encode_png(const Image& image);

/// Throws Error(bad_data) when width * height is 0 or above the limit.
void check_pixel_count(std::uint64_t width, std::uint64_t height, const std::string& name,
                       const DecodeLimits& limits);
/// Throws Error(internal) unless the pixels fit the extents and the channels are 1, 3 or 4.
void check_image(const Image& image);

}  // namespace dcgan

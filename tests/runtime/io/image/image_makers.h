// JPEG and PNG files made in memory through the libraries, in the variants that the engine's own
// writer never makes. A library error ends the test program: the inputs are the tests' own.
#pragma once

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>
//
#include <jpeglib.h>

namespace dcgan::test {

using Bytes = std::vector<std::byte>;
using Samples = std::vector<std::uint8_t>;

struct JpegSpec {
  int width = 0;
  int height = 0;
  J_COLOR_SPACE given = JCS_RGB;     // what the samples are
  J_COLOR_SPACE stored = JCS_YCbCr;  // what the file holds
  int quality = 100;
  bool sampled_down = false;  // chroma at half size, as most cameras do
  int channels = 0;           // of samples that are JCS_UNKNOWN
  std::function<void(jpeg_compress_struct&)> change = {};   // anything else, before it starts
  std::function<void(jpeg_compress_struct&)> markers = {};  // extra markers, after it started
};

inline int channels_of(const JpegSpec& spec) {
  switch (spec.given) {
    case JCS_GRAYSCALE:
      return 1;
    case JCS_RGB:
      return 3;
    case JCS_CMYK:
      return 4;
    default:
      return spec.channels;
  }
}

inline Bytes make_jpeg(const JpegSpec& spec, const Samples& samples) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = static_cast<JDIMENSION>(spec.width);
  info.image_height = static_cast<JDIMENSION>(spec.height);
  info.in_color_space = spec.given;
  info.input_components = channels_of(spec);
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, spec.stored);
  jpeg_set_quality(&info, spec.quality, TRUE);
  if (!spec.sampled_down) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  // Of CMYK's four equal components the last follows the first.
  if (spec.stored == JCS_YCCK && !spec.sampled_down) {
    info.comp_info[3].h_samp_factor = info.comp_info[3].v_samp_factor = 1;
  }
  if (spec.change) spec.change(info);
  jpeg_start_compress(&info, TRUE);
  if (spec.markers) spec.markers(info);
  const std::size_t row = info.image_width * static_cast<std::size_t>(info.input_components);
  while (info.next_scanline < info.image_height) {
    JSAMPROW line = const_cast<JSAMPROW>(samples.data() + info.next_scanline * row);
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(memory);
  Bytes file(first, first + size);
  jpeg_destroy_compress(&info);
  std::free(memory);
  return file;
}

struct PngSpec {
  int width = 0;
  int height = 0;
  int bits = 8;
  int color_type = PNG_COLOR_TYPE_RGB;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  std::vector<png_byte> palette_alpha = {};
  std::function<void(png_structp, png_infop)> change = {};  // anything else, before the picture
};

/// `rows` as they lie in the file: packed below 8 bits, big-endian at 16.
inline Bytes make_png(const PngSpec& spec, const Samples& rows) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) std::abort();
  Bytes file;
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep data, std::size_t count) {
        auto* to = static_cast<Bytes*>(png_get_io_ptr(writer));
        const auto* bytes = reinterpret_cast<const std::byte*>(data);
        to->insert(to->end(), bytes, bytes + count);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(spec.width),
               static_cast<png_uint_32>(spec.height), spec.bits, spec.color_type,
               spec.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!spec.palette.empty()) {
    png_set_PLTE(png, info, spec.palette.data(), static_cast<int>(spec.palette.size()));
  }
  if (!spec.palette_alpha.empty()) {
    png_set_tRNS(png, info, spec.palette_alpha.data(), static_cast<int>(spec.palette_alpha.size()),
                 nullptr);
  }
  if (spec.change) spec.change(png, info);
  png_write_info(png, info);
  const std::size_t row = rows.size() / static_cast<std::size_t>(spec.height);
  const int passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < spec.height; ++y) {
      png_write_row(png, rows.data() + static_cast<std::size_t>(y) * row);
    }
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

/// Samples that look like nothing in particular.
inline Samples noise(std::size_t count) {
  Samples samples(count);
  std::uint32_t state = 12345;
  for (std::uint8_t& s : samples) {
    state = state * 1664525u + 1013904223u;
    s = static_cast<std::uint8_t>(state >> 24);
  }
  return samples;
}

}  // namespace dcgan::test

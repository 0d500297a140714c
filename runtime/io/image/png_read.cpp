// Reading PNG through libpng. The library leaves by longjmp: between its calls and guarded() no
// object with a destructor may live.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

constexpr png_uint_32 kMaxSide = 1'000'000;      // pixels; the product has a limit of its own
constexpr png_alloc_size_t kMaxChunk = 1 << 23;  // bytes; chunks other than image data are small

struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> rest;
  char reason[200]{};

  PngReader() = default;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->reason, sizeof reader->reason, "%s", message);
  png_longjmp(png, 1);
}

// Warnings are about chunks that are not used here (profiles, text, times).
void on_warning(png_structp, png_const_charp) {}

void take_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader->rest.size()) png_error(png, "the file ends early");
  std::memcpy(to, reader->rest.data(), count);
  reader->rest = reader->rest.subspan(count);
}

template <class Body>
void guarded(PngReader& reader, const std::string& name, const Body& body) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) {
    fail(ErrorKind::bad_data, "{}: PNG: {}", name, reader.reason);
  }
  body();
}

void read_header(PngReader& reader) {
  png_structp png = reader.png;
  png_set_read_fn(png, &reader, take_bytes);
  png_set_user_limits(png, kMaxSide, kMaxSide);
  png_set_chunk_malloc_max(png, kMaxChunk);
  png_set_chunk_cache_max(png, 1);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  // -1: all but IHDR, PLTE, tRNS, IDAT and IEND. Chunks that do not change the pixels are skipped,
  // so that a compressed profile or text is never inflated.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(png, reader.info);
}

// Asks for 8-bit grey, RGB or RGBA.
void choose_transformations(PngReader& reader) {
  png_structp png = reader.png;
  const png_byte type = png_get_color_type(png, reader.info);
  if (png_get_bit_depth(png, reader.info) == 16) png_set_strip_16(png);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  const bool transparent = png_get_valid(png, reader.info, PNG_INFO_tRNS) != 0;
  if (transparent) png_set_tRNS_to_alpha(png);
  if (type == PNG_COLOR_TYPE_GRAY_ALPHA || (type == PNG_COLOR_TYPE_GRAY && transparent)) {
    png_set_gray_to_rgb(png);
  }
}

void read_rows(PngReader& reader, int passes, Image& image) {
  const std::size_t row_bytes =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < image.height; ++y) {
      png_read_row(reader.png, image.pixels.data() + static_cast<std::size_t>(y) * row_bytes,
                   nullptr);
    }
  }
  png_read_end(reader.png, nullptr);
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits) {
  PngReader reader;
  reader.rest = bytes;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) fail(ErrorKind::unavailable, "{}: no memory to decode it", name);

  guarded(reader, name, [&] { read_header(reader); });
  const png_uint_32 width = png_get_image_width(reader.png, reader.info);
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  check_pixel_count(width, height, name, limits);

  int passes = 0;
  guarded(reader, name, [&] {
    choose_transformations(reader);
    passes = png_set_interlace_handling(reader.png);
    png_read_update_info(reader.png, reader.info);
  });
  Image image{static_cast<int>(width),
              static_cast<int>(height),
              png_get_channels(reader.png, reader.info),
              {}};
  image.pixels.resize(static_cast<std::size_t>(width) * height *
                      static_cast<std::size_t>(image.channels));
  check_image(image);
  guarded(reader, name, [&] { read_rows(reader, passes, image); });
  return image;
}

}  // namespace dcgan

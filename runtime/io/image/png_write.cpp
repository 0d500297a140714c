// Writing PNG through libpng. The library leaves by longjmp: between its calls and the setjmp no
// object with a destructor may live.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <new>

#include "runtime/base/errors.h"
#include "runtime/io/files.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

struct PngWriter {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::vector<std::byte> output;
  char reason[200]{};

  PngWriter() = default;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* writer = static_cast<PngWriter*>(png_get_error_ptr(png));
  std::snprintf(writer->reason, sizeof writer->reason, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // none concerns 8-bit grey, RGB and RGBA

bool append(std::vector<std::byte>& output, png_const_bytep data, std::size_t count) noexcept {
  try {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    output.insert(output.end(), bytes, bytes + count);
    return true;
  } catch (const std::bad_alloc&) {
    return false;  // no exception may cross the C library
  }
}

void give_bytes(png_structp png, png_bytep data, std::size_t count) {
  auto* writer = static_cast<PngWriter*>(png_get_io_ptr(png));
  if (!append(writer->output, data, count)) png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

int color_type_of(const Image& image) {
  if (image.channels == 1) return PNG_COLOR_TYPE_GRAY;
  return image.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
}

void write_all(PngWriter& writer, const Image& image) {
  png_set_write_fn(writer.png, &writer, give_bytes, flush_nothing);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, color_type_of(image), PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  const std::size_t row_bytes =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  for (int y = 0; y < image.height; ++y) {
    png_write_row(writer.png, image.pixels.data() + static_cast<std::size_t>(y) * row_bytes);
  }
  png_write_end(writer.png, writer.info);
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  check_image(image);
  PngWriter writer;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, on_error, on_warning);
  if (writer.png != nullptr) writer.info = png_create_info_struct(writer.png);
  if (writer.info == nullptr) fail(ErrorKind::unavailable, "PNG: no memory to encode");
  if (setjmp(png_jmpbuf(writer.png)) != 0) fail(ErrorKind::internal, "PNG: {}", writer.reason);
  write_all(writer, image);
  return std::move(writer.output);
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace dcgan

// JPEG through libjpeg-turbo. The library leaves by longjmp: between its calls and guarded() no
// object with a destructor may live.
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE and size_t
//
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

struct JpegReader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char reason[JMSG_LENGTH_MAX]{};
  int max_scans = 0;

  JpegReader() = default;
  ~JpegReader() { jpeg_destroy_decompress(&info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* reader = static_cast<JpegReader*>(info->client_data);
  (*info->err->format_message)(info, reader->reason);
  std::longjmp(reader->jump, 1);
}

// Level -1 is a warning. Most mean lost image data, which the library replaces by grey pixels: a
// model would learn them. With these two nothing is lost.
void on_message(j_common_ptr info, int level) {
  if (level != -1) return;
  const int code = info->err->msg_code;
  if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM) return;
  leave(info);
}

// Each scan of a progressive file visits every coefficient: a small file with thousands of scans
// would take hours.
void on_progress(j_common_ptr info) {
  auto* reader = static_cast<JpegReader*>(info->client_data);
  if (reader->info.input_scan_number <= reader->max_scans) return;
  std::snprintf(reader->reason, sizeof reader->reason, "more than %d scans", reader->max_scans);
  std::longjmp(reader->jump, 1);
}

template <class Body>
void guarded(JpegReader& reader, const std::string& name, const Body& body) {
  if (setjmp(reader.jump) != 0) fail(ErrorKind::bad_data, "{}: JPEG: {}", name, reader.reason);
  body();
}

void open(JpegReader& reader, std::span<const std::byte> bytes) {
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = leave;
  reader.errors.emit_message = on_message;
  reader.info.client_data = &reader;
  jpeg_create_decompress(&reader.info);
  reader.progress.progress_monitor = on_progress;
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&reader.info, TRUE);
}

// a * b / 255, rounded, in PIL's fixed point.
int scaled(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Files with four components hold 255 - ink (Adobe's convention, which PIL assumes for all of them;
// the library has converted YCCK to CMYK). A sample is therefore the light that its ink transmits.
void cmyk_row_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(light - scaled(255 - cmyk[c], light));
    }
  }
}

void read_rows(JpegReader& reader, Image& image, std::vector<std::uint8_t>& cmyk_row) {
  const auto width = static_cast<std::size_t>(image.width);
  const std::size_t row_bytes = width * static_cast<std::size_t>(image.channels);
  jpeg_start_decompress(&reader.info);
  while (reader.info.output_scanline < reader.info.output_height) {
    std::uint8_t* row = image.pixels.data() + reader.info.output_scanline * row_bytes;
    JSAMPROW target = cmyk_row.empty() ? row : cmyk_row.data();
    jpeg_read_scanlines(&reader.info, &target, 1);
    if (!cmyk_row.empty()) cmyk_row_to_rgb(cmyk_row.data(), row, width);
  }
  jpeg_finish_decompress(&reader.info);
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits) {
  JpegReader reader;
  reader.max_scans = limits.max_jpeg_scans;
  guarded(reader, name, [&] { open(reader, bytes); });
  const jpeg_decompress_struct& info = reader.info;
  check_pixel_count(info.image_width, info.image_height, name, limits);
  const int components = info.num_components;
  if (components != 1 && components != 3 && components != 4) {
    fail(ErrorKind::bad_data, "{}: JPEG: {} components, not 1, 3 or 4", name, components);
  }
  reader.info.out_color_space =
      components == 1 ? JCS_GRAYSCALE : (components == 3 ? JCS_RGB : JCS_CMYK);

  Image image{static_cast<int>(info.image_width),
              static_cast<int>(info.image_height),
              components == 1 ? 1 : 3,
              {}};
  const std::size_t pixels = static_cast<std::size_t>(info.image_width) * info.image_height;
  image.pixels.resize(pixels * static_cast<std::size_t>(image.channels));
  std::vector<std::uint8_t> cmyk_row(components == 4 ? std::size_t{4} * info.image_width : 0);
  guarded(reader, name, [&] { read_rows(reader, image, cmyk_row); });
  return image;
}

}  // namespace dcgan

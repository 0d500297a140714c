// TIFF through libtiff: the first page, in whatever layout and compression the library reads.
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

// Of one strip or tile, packed or unpacked: a header can ask for any size.
constexpr tmsize_t kMostBytesAtOnce = tmsize_t{1} << 30;

struct TiffSource {
  std::span<const std::byte> bytes;
  std::size_t position = 0;
  char reason[300]{};
};

TiffSource& source_of(thandle_t handle) { return *static_cast<TiffSource*>(handle); }

tmsize_t take_bytes(thandle_t handle, void* to, tmsize_t count) {
  TiffSource& source = source_of(handle);
  const std::size_t left = source.bytes.size() - std::min(source.position, source.bytes.size());
  const std::size_t taken = std::min(left, static_cast<std::size_t>(std::max(count, tmsize_t{0})));
  if (taken > 0) std::memcpy(to, source.bytes.data() + source.position, taken);
  source.position += taken;
  return static_cast<tmsize_t>(taken);
}

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  TiffSource& source = source_of(handle);
  const toff_t base =
      whence == SEEK_SET ? 0 : (whence == SEEK_CUR ? source.position : source.bytes.size());
  return source.position = static_cast<std::size_t>(base + offset);
}

int keep_reason(TIFF*, void* handle, const char*, const char* format, va_list values) {
  std::vsnprintf(source_of(handle).reason, sizeof TiffSource::reason, format, values);
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }  // unknown tags

using Tiff = std::unique_ptr<TIFF, void (*)(TIFF*)>;

[[noreturn]] void refuse(const TiffSource& source, const std::string& name) {
  fail(ErrorKind::bad_data, "{}: TIFF: {}", name,
       source.reason[0] != '\0' ? source.reason : "damaged");
}

Tiff open(TiffSource& source, const std::string& name) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostBytesAtOnce);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_reason, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source);
  Tiff tiff(
      TIFFClientOpenExt(
          "", "rm", &source, take_bytes, [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; },
          seek, [](thandle_t) { return 0; },
          [](thandle_t handle) -> toff_t { return source_of(handle).bytes.size(); }, nullptr,
          nullptr, options.get()),
      TIFFClose);
  if (tiff == nullptr) refuse(source, name);
  return tiff;
}

// The library would multiply colours by their alpha; here alpha is dropped, as PIL does. Samples of
// 16 bits keep their upper byte, as those of PNG.
void keep_samples(TIFFRGBAImage& reader) {
  if (reader.UaToAa != nullptr) {
    for (std::size_t i = 0; i < 65536; ++i) {
      reader.UaToAa[i] = static_cast<std::uint8_t>(i & 255);
    }
  }
  if (reader.Bitdepth16To8 != nullptr) {
    for (std::size_t i = 0; i < 65536; ++i) {
      reader.Bitdepth16To8[i] = static_cast<std::uint8_t>(i >> 8);
    }
  }
}

struct EndReading {
  TIFFRGBAImage& reader;
  ~EndReading() { TIFFRGBAImageEnd(&reader); }
};

}  // namespace

Image decode_tiff(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits) {
  TiffSource source{.bytes = bytes};
  const Tiff tiff = open(source, name);
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  if (TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width) == 0 ||
      TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height) == 0) {
    refuse(source, name);
  }
  check_pixel_count(width, height, name, limits);
  TIFFRGBAImage reader;
  char reason[1024]{};
  if (TIFFRGBAImageOK(tiff.get(), reason) == 0 ||
      TIFFRGBAImageBegin(&reader, tiff.get(), /*stop=*/1, reason) == 0) {
    fail(ErrorKind::bad_data, "{}: TIFF: {}", name, reason);
  }
  const EndReading end{reader};
  reader.req_orientation = ORIENTATION_TOPLEFT;
  keep_samples(reader);
  const std::size_t pixels = std::size_t{width} * height;
  std::vector<std::uint32_t> raster(pixels);
  if (TIFFRGBAImageGet(&reader, raster.data(), width, height) == 0) refuse(source, name);
  Image image{static_cast<int>(width), static_cast<int>(height), 3, {}};
  image.pixels.resize(pixels * 3);
  for (std::size_t i = 0; i < pixels; ++i) {
    image.pixels[3 * i] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
    image.pixels[3 * i + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
    image.pixels[3 * i + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
  }
  return image;
}

}  // namespace dcgan

#include "models/data/formats/pixels.h"

#include <cstring>
#include <new>
#include <stdexcept>

namespace dcgan {

std::int64_t bytes_per_image(const DatasetOptions& options) {
  return std::int64_t{options.image_size} * options.image_size * options.channels;
}

Dataset allocate_dataset(const DatasetOptions& options, std::int64_t count) {
  Dataset result;
  result.shape = {count, options.image_size, options.image_size, options.channels};
  try {
    result.pixels.resize(static_cast<std::size_t>(result.shape.elements()));
  } catch (const std::exception&) {  // bad_alloc, or length_error beyond the address space
    fail(ErrorKind::config, "data: {} images of {} bytes need {:.1f} GiB of host memory", count,
         bytes_per_image(options), static_cast<double>(result.shape.elements()) / 0x1p30);
  }
  return result;
}

void repeat_grey(std::uint8_t* pixels, std::int64_t count, int channels) {
  if (channels == 1) return;
  // Backwards, so that no grey value is overwritten before it is read.
  for (std::int64_t i = count; i-- > 0;) {
    std::memset(pixels + i * channels, pixels[i], static_cast<std::size_t>(channels));
  }
}

}  // namespace dcgan

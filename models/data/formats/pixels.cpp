#include "models/data/formats/pixels.h"

#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace dcgan {

std::int64_t bytes_per_image(const DatasetOptions& options) {
  return std::int64_t{options.image_size} * options.image_size * options.channels;
}

std::vector<std::uint8_t> allocate_pixels(const DatasetOptions& options, std::int64_t count) {
  const Shape shape{count, bytes_per_image(options)};
  try {
    return std::vector<std::uint8_t>(static_cast<std::size_t>(shape.elements()));
  } catch (const std::exception&) {  // bad_alloc, or length_error beyond the address space
    fail(ErrorKind::config, "data: {} images of {} bytes need {:.1f} GiB of host memory", count,
         bytes_per_image(options), static_cast<double>(shape.elements()) / 0x1p30);
  }
}

Dataset make_dataset(const DatasetOptions& options, std::string name,
                     std::vector<std::uint8_t> pixels) {
  Dataset result;
  result.name = std::move(name);
  result.shape = {static_cast<std::int64_t>(pixels.size()) / bytes_per_image(options),
                  options.image_size, options.image_size, options.channels};
  result.pixels = std::move(pixels);
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

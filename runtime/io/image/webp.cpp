// WebP through libwebp: lossy, lossless, the first frame of an animation.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

const std::uint8_t* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

[[noreturn]] void refuse(const std::string& name, const char* why) {
  fail(ErrorKind::bad_data, "{}: WebP: {}", name, why);
}

void decode_still(std::span<const std::byte> bytes, const std::string& name, Image& image) {
  const auto decode = image.channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(octets(bytes), bytes.size(), image.pixels.data(), image.pixels.size(),
             image.width * image.channels) == nullptr) {
    refuse(name, "damaged, or the file ends early");
  }
}

// The canvas of the first frame, RGBA.
void decode_animation(std::span<const std::byte> bytes, const std::string& name, Image& image) {
  const WebPData data{octets(bytes), bytes.size()};
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) refuse(name, "another version of libwebpdemux");
  options.use_threads = 0;
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, &options), WebPAnimDecoderDelete);
  std::uint8_t* canvas = nullptr;
  int time = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &time) == 0) {
    refuse(name, "the first frame is damaged, or the file ends early");
  }
  std::copy_n(canvas, image.pixels.size(), image.pixels.begin());
}

}  // namespace

Image decode_webp(std::span<const std::byte> bytes, const std::string& name,
                  const DecodeLimits& limits) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(octets(bytes), bytes.size(), &features) != VP8_STATUS_OK) {
    refuse(name, "the header is damaged, or the file ends early");
  }
  check_pixel_count(static_cast<std::uint64_t>(features.width),
                    static_cast<std::uint64_t>(features.height), name, limits);
  const bool animated = features.has_animation != 0;
  Image image{features.width, features.height, animated || features.has_alpha != 0 ? 4 : 3, {}};
  image.pixels.resize(static_cast<std::size_t>(image.width) *
                      static_cast<std::size_t>(image.height) *
                      static_cast<std::size_t>(image.channels));
  if (animated) {
    decode_animation(bytes, name, image);
  } else {
    decode_still(bytes, name, image);
  }
  return image;
}

}  // namespace dcgan

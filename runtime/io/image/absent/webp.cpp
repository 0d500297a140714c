// In a build without libwebp.
#include "runtime/io/image/codecs.h"

namespace dcgan {

Image decode_webp(std::span<const std::byte>, const std::string& name, const DecodeLimits&) {
  fail_without("WebP", "libwebp", name);
}

}  // namespace dcgan

// In a build without giflib.
#include "runtime/io/image/codecs.h"

namespace dcgan {

Image decode_gif(std::span<const std::byte>, const std::string& name, const DecodeLimits&) {
  fail_without("GIF", "giflib", name);
}

}  // namespace dcgan

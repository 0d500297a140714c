// In a build without libtiff.
#include "runtime/io/image/codecs.h"

namespace dcgan {

Image decode_tiff(std::span<const std::byte>, const std::string& name, const DecodeLimits&) {
  fail_without("TIFF", "libtiff", name);
}

}  // namespace dcgan

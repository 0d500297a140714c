// IEEE half precision as storage at the door: images that a caller wants in float16. Nothing inside
// computes or stores in it, so it is no DType.
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/base/portability.h"

namespace dcgan {

struct f16 {
  std::uint16_t bits = 0;

  f16() = default;
  /// Rounds to nearest, ties to even; beyond 65504 infinite; NaN becomes 0x7fff, as a GPU's does.
  DCGAN_HOST_DEVICE explicit f16(float value) {
    std::uint32_t word = 0;
    memcpy(&word, &value, sizeof word);
    const std::uint32_t sign = word >> 16 & 0x8000u;
    const std::uint32_t magnitude = word & 0x7fffffffu;
    std::uint32_t half = 0;
    if (magnitude > 0x7f800000u) {
      bits = 0x7fff;
      return;
    }
    if (magnitude >= 0x477ff000u) {  // 65520: half way between 65504 and 65536
      half = 0x7c00u;
    } else if (magnitude >= 0x38800000u) {  // 2^-14: normal
      const std::uint32_t odd = magnitude >> 13 & 1u;
      half = (magnitude - 0x38000000u + 0xfffu + odd) >> 13;
    } else if (magnitude >= 0x33000000u) {  // 2^-25: subnormal, a multiple of 2^-24
      const std::uint32_t shift = 126u - (magnitude >> 23);
      const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
      const std::uint32_t below = mantissa & ((1u << shift) - 1u);
      const std::uint32_t half_way = 1u << (shift - 1u);
      half = mantissa >> shift;
      half += below > half_way || (below == half_way && (half & 1u) != 0) ? 1u : 0u;
    }
    bits = static_cast<std::uint16_t>(sign | half);
  }
};
static_assert(sizeof(f16) == 2);

}  // namespace dcgan

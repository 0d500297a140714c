// bfloat16 as storage: the upper half of a float32. Arithmetic is always done in float.
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/base/portability.h"

namespace dcgan {

struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  /// Rounds to nearest, ties to even; NaN stays NaN (quiet).
  DCGAN_HOST_DEVICE explicit bf16(float value) {
    std::uint32_t word = 0;
    memcpy(&word, &value, sizeof word);
    if ((word & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<std::uint16_t>((word >> 16) | 0x40u);
    } else {
      bits = static_cast<std::uint16_t>((word + 0x7fffu + ((word >> 16) & 1u)) >> 16);
    }
  }
  DCGAN_HOST_DEVICE explicit operator float() const {
    const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
    float value = 0;
    memcpy(&value, &word, sizeof value);
    return value;
  }
};
static_assert(sizeof(bf16) == 2);

}  // namespace dcgan

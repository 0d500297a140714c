// The byte of a pixel, for the variants of this room.
#pragma once

#include <cstdint>

#include "runtime/base/portability.h"

namespace dcgan {

/// (x + 1) / 2 in [0, 1], NaN to 0, then to the nearest of 0..255, halves up.
DCGAN_HOST_DEVICE inline std::uint8_t quantised(float x) {
  const float unit = (x + 1.0f) * 0.5f;
  const float above = unit > 0.0f ? unit : 0.0f;  // false for NaN
  const float clamped = above < 1.0f ? above : 1.0f;
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(clamped * 255.0f + 0.5f));
}

}  // namespace dcgan

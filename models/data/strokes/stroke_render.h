// Drawing a round pen's path into a grey image.
#pragma once

#include <cstdint>
#include <span>

#include "models/data/strokes/digit_shapes.h"

namespace dcgan {

/// A straight piece of the path: from `a` to `b` in pixels (pixel centres at integer + 1/2), the
/// pen's radius going from radius_a to radius_b.
struct PenSegment {
  PenPoint a;
  PenPoint b;
  float radius_a = 0;
  float radius_b = 0;
};

/// Writes the (size, size) image of the union of the segments, white on black, anti-aliased by the
/// distance to the path: the edge falls from 255 to 0 over `softness` pixels. Never throws.
void render_segments(std::span<const PenSegment> segments, int size, float softness,
                     std::uint8_t* image);

}  // namespace dcgan

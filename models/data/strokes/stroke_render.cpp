#include "models/data/strokes/stroke_render.h"

#include <algorithm>
#include <cmath>

namespace dcgan {
namespace {

struct PixelRange {
  int first;
  int last;  // one past
};

/// The pixels whose centres may lie within `reach` of [low, high].
PixelRange pixels_near(float low, float high, float reach, int size) {
  const float limit = static_cast<float>(size);
  return {static_cast<int>(std::clamp(std::floor(low - reach), 0.0f, limit)),
          static_cast<int>(std::clamp(std::ceil(high + reach) + 1.0f, 0.0f, limit))};
}

void render_segment(const PenSegment& segment, int size, float softness, std::uint8_t* image) {
  const float dx = segment.b.x - segment.a.x;
  const float dy = segment.b.y - segment.a.y;
  // A dot is a segment of length zero: the projection is then 0 everywhere.
  const float inverse_length2 = 1.0f / std::max(dx * dx + dy * dy, 1e-12f);
  const float reach = std::max(segment.radius_a, segment.radius_b) + 0.5f * softness;
  const float inverse_softness = 1.0f / softness;
  const PixelRange columns = pixels_near(std::min(segment.a.x, segment.b.x),
                                         std::max(segment.a.x, segment.b.x), reach, size);
  const PixelRange rows = pixels_near(std::min(segment.a.y, segment.b.y),
                                      std::max(segment.a.y, segment.b.y), reach, size);
  for (int row = rows.first; row < rows.last; ++row) {
    const float py = static_cast<float>(row) + 0.5f - segment.a.y;
    std::uint8_t* line = image + static_cast<std::ptrdiff_t>(row) * size;
    for (int column = columns.first; column < columns.last; ++column) {
      const float px = static_cast<float>(column) + 0.5f - segment.a.x;
      const float along = std::clamp((px * dx + py * dy) * inverse_length2, 0.0f, 1.0f);
      const float ex = px - along * dx;
      const float ey = py - along * dy;
      const float radius = segment.radius_a + along * (segment.radius_b - segment.radius_a);
      const float cover = (radius - std::sqrt(ex * ex + ey * ey)) * inverse_softness + 0.5f;
      const float level = std::clamp(cover, 0.0f, 1.0f) * 255.0f + 0.5f;
      line[column] = std::max(line[column], static_cast<std::uint8_t>(level));
    }
  }
}

}  // namespace

void render_segments(std::span<const PenSegment> segments, int size, float softness,
                     std::uint8_t* image) {
  std::fill_n(image, static_cast<std::ptrdiff_t>(size) * size, std::uint8_t{0});
  for (const PenSegment& segment : segments) render_segment(segment, size, softness, image);
}

}  // namespace dcgan

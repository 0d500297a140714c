#include "models/data/strokes/digit_shapes.h"

#include <algorithm>

#include "models/data/strokes/pen_path.h"
#include "runtime/base/errors.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

/// Straight pieces between the points of a stroke; a corner is one point written twice.
std::size_t pieces(const PenStroke& stroke) {
  std::size_t count = 0;
  for (std::size_t i = 1; i < stroke.size(); ++i) {
    count += stroke[i].x != stroke[i - 1].x || stroke[i].y != stroke[i - 1].y ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("every way of writing a digit fits its frame and the pen's path") {
  for (int digit = 0; digit <= 9; ++digit) {
    CAPTURE(digit);
    REQUIRE(digit_styles(digit).size() >= 2);
    for (const DigitStyle& style : digit_styles(digit)) {
      REQUIRE(style.weight > 0);
      std::size_t count = 0;
      for (const PenStroke& stroke : style.strokes) {
        REQUIRE(stroke.size() >= 2);
        REQUIRE(pieces(stroke) < PenPath::kMaxKnots);
        count += pieces(stroke);
        for (const PenPoint point : stroke) {
          REQUIRE((point.x >= -0.05f && point.x <= 0.85f));
          REQUIRE((point.y >= -0.05f && point.y <= 1.05f));
        }
      }
      REQUIRE(count * PenPath::kMaxSteps <= PenPath::kCapacity);
    }
  }
  REQUIRE_THROWS_AS(digit_styles(10), Error);
  REQUIRE_THROWS_AS(digit_styles(-1), Error);
}

TEST_CASE("the pen's path stays inside the image and its segments join") {
  for (std::uint32_t i = 0; i < 300; ++i) {
    RandomSequence random({9, RandomStream::test}, 0, i);
    PenPath path;
    digit_path(digit_styles(static_cast<int>(i % 10))[0], 64, random, path);
    int jumps = 0;
    const auto segments = path.segments();
    REQUIRE(segments.size() >= 10);
    for (std::size_t k = 0; k < segments.size(); ++k) {
      const auto [a, b, radius_a, radius_b] = segments[k];
      const float reach = std::max(radius_a, radius_b);
      REQUIRE(reach > 0);
      REQUIRE(std::min({a.x, b.x, a.y, b.y}) - reach > 0);
      REQUIRE(std::max({a.x, b.x, a.y, b.y}) + reach < 64);
      // Both ends of a joint come from the same point by the same operations, in other parameters
      // of the cubic: a thousandth of a pixel is far above the rounding of 32-bit floats at 64.
      if (k > 0 &&
          std::abs(a.x - segments[k - 1].b.x) + std::abs(a.y - segments[k - 1].b.y) > 1e-3f) {
        ++jumps;
      }
    }
    const std::size_t strokes = digit_styles(static_cast<int>(i % 10))[0].strokes.size();
    REQUIRE(jumps <= static_cast<int>(strokes) - 1);
  }
}

// The digits as pen movements: what the embedded data set is drawn from.
#pragma once

#include <span>
#include <vector>

namespace dcgan {

/// In a glyph's own frame: x to the right, y down, the digit about 1 high and 0.3 to 0.8 wide.
struct PenPoint {
  float x = 0;
  float y = 0;
};

/// What the pen does between two lifts: a smooth curve through the points. A point given twice in a
/// row is a corner, where the direction may jump.
using PenStroke = std::vector<PenPoint>;

/// One way of writing a digit.
struct DigitStyle {
  float weight = 1;  ///< how often it is chosen, relative to the others of its digit
  std::vector<PenStroke> strokes;
};

/// The ways of writing a digit, digit in 0..9: at least two each.
std::span<const DigitStyle> digit_styles(int digit);

}  // namespace dcgan

// A picture to draw on: rectangles, lines, words and other pictures.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/io/image/image.h"

namespace dcgan {

using Color = std::array<std::uint8_t, 3>;

struct Point {
  int x = 0;
  int y = 0;
};

/// RGB, white at first. What lies outside is left out.
class Canvas {
 public:
  static constexpr int kLetterWidth = 8;  ///< with the space behind it
  static constexpr int kLetterHeight = 10;

  Canvas(int width, int height);

  void rectangle(Point top_left, int width, int height, Color color);  ///< filled
  void line(Point from, Point to, Color color);
  /// Letters (capitals for all), digits and . - + ( ) _ / % : = ; another character is a space.
  void text(Point top_left, std::string_view words, Color color);
  /// `image`, of 1 or 3 channels, scaled to width x height by the mean of the pixels that each one
  /// covers.
  void picture(Point top_left, int width, int height, const Image& image);

  const Image& image() const { return image_; }

 private:
  void dot(int x, int y, Color color);
  Image image_;
};

}  // namespace dcgan

#include "apps/plot/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace dcgan {
namespace {

// Five rows of three dots, one octal digit a row.
int glyph(char c) {
  constexpr std::array kDigits = {075557, 026227, 071747, 071717, 055711,
                                  074717, 074757, 071111, 075757, 075717};
  constexpr std::array kLetters = {025755, 065656, 034443, 065556, 074647, 074644, 034553,
                                   055755, 072227, 011152, 055655, 044447, 057755, 065555,
                                   025552, 065644, 025563, 065655, 034216, 072222, 055557,
                                   055552, 055775, 055255, 055222, 071247};
  if (c >= '0' && c <= '9') return kDigits[static_cast<std::size_t>(c - '0')];
  if (c >= 'a' && c <= 'z') return kLetters[static_cast<std::size_t>(c - 'a')];
  if (c >= 'A' && c <= 'Z') return kLetters[static_cast<std::size_t>(c - 'A')];
  constexpr std::array<std::pair<char, int>, 9> kSigns = {{{'.', 000002},
                                                           {'-', 000700},
                                                           {'+', 002720},
                                                           {'(', 012221},
                                                           {')', 042224},
                                                           {'_', 000007},
                                                           {'/', 011244},
                                                           {'%', 051245},
                                                           {':', 002020}}};
  for (const auto& [sign, dots] : kSigns) {
    if (sign == c) return dots;
  }
  return 0;
}

// The mean of channel `channel` over columns [left, right) and rows [top, bottom).
std::uint8_t mean(const Image& image, int channel, Point from, Point to) {
  std::int64_t sum = 0;
  for (int y = from.y; y < to.y; ++y) {
    for (int x = from.x; x < to.x; ++x) {
      const std::int64_t pixel = std::int64_t{y} * image.width + x;
      sum += image.pixels[static_cast<std::size_t>(pixel * image.channels + channel)];
    }
  }
  return static_cast<std::uint8_t>(sum / (std::int64_t{to.x - from.x} * (to.y - from.y)));
}

}  // namespace

Canvas::Canvas(int width, int height) : image_{width, height, 3, {}} {
  image_.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 255);
}

void Canvas::dot(int x, int y, Color color) {
  if (x < 0 || y < 0 || x >= image_.width || y >= image_.height) return;
  const auto first = static_cast<std::ptrdiff_t>((std::int64_t{y} * image_.width + x) * 3);
  std::copy(color.begin(), color.end(), image_.pixels.begin() + first);
}

void Canvas::rectangle(Point top_left, int width, int height, Color color) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) dot(top_left.x + x, top_left.y + y, color);
  }
}

void Canvas::line(Point from, Point to, Color color) {
  const int steps = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1});
  for (int i = 0; i <= steps; ++i) {
    const double part = static_cast<double>(i) / steps;
    dot(static_cast<int>(std::lround(from.x + part * (to.x - from.x))),
        static_cast<int>(std::lround(from.y + part * (to.y - from.y))), color);
  }
}

void Canvas::text(Point top_left, std::string_view words, Color color) {
  for (const char c : words) {
    const int dots = glyph(c);
    for (int bit = 0; bit < 15; ++bit) {
      if ((dots >> (14 - bit) & 1) == 0) continue;
      rectangle({top_left.x + bit % 3 * 2, top_left.y + bit / 3 * 2}, 2, 2, color);
    }
    top_left.x += kLetterWidth;
  }
}

void Canvas::picture(Point top_left, int width, int height, const Image& image) {
  const auto edge = [](int i, int count, int size) {
    return static_cast<int>(std::int64_t{i} * size / count);
  };
  for (int y = 0; y < height; ++y) {
    const int top = edge(y, height, image.height);
    const int bottom = std::max(edge(y + 1, height, image.height), top + 1);
    for (int x = 0; x < width; ++x) {
      const int left = edge(x, width, image.width);
      const int right = std::max(edge(x + 1, width, image.width), left + 1);
      Color color{};
      for (int c = 0; c < 3; ++c) {
        const int channel = image.channels == 1 ? 0 : c;
        color[static_cast<std::size_t>(c)] = mean(image, channel, {left, top}, {right, bottom});
      }
      dot(top_left.x + x, top_left.y + y, color);
    }
  }
}

}  // namespace dcgan

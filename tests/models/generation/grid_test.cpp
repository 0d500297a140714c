#include "models/generation/grid.h"

#include <vector>

#include "runtime/base/errors.h"
#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("a grid lays images out in rows with black between") {
  const std::vector<std::uint8_t> pixels{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Image sheet = make_grid({pixels.data(), Shape{3, 2, 2, 1}}, 2, 1);
  REQUIRE(sheet.width == 7);
  REQUIRE(sheet.height == 7);
  REQUIRE(sheet.channels == 1);
  REQUIRE(sheet.pixels == std::vector<std::uint8_t>{0, 0,  0,  0, 0, 0, 0,  //
                                                    0, 1,  2,  0, 5, 6, 0,  //
                                                    0, 3,  4,  0, 7, 8, 0,  //
                                                    0, 0,  0,  0, 0, 0, 0,  //
                                                    0, 9,  10, 0, 0, 0, 0,  //
                                                    0, 11, 12, 0, 0, 0, 0,  //
                                                    0, 0,  0,  0, 0, 0, 0});
}

TEST_CASE("a grid without padding keeps three channels together") {
  const std::vector<std::uint8_t> pixels{1, 2, 3, 4, 5, 6};
  const Image sheet = make_grid({pixels.data(), Shape{2, 1, 1, 3}}, 2, 0);
  REQUIRE(sheet.pixels == pixels);
}

TEST_CASE("a grid is about a square unless the columns are given") {
  const std::vector<std::uint8_t> pixels(64 * 16);
  const auto extent = [&](std::int64_t count, int columns) {
    const Image sheet = make_grid({pixels.data(), Shape{count, 4, 4, 1}}, columns, 2);
    return std::pair{sheet.width, sheet.height};
  };
  REQUIRE(extent(64, 0) == std::pair{8 * 6 + 2, 8 * 6 + 2});
  REQUIRE(extent(10, 0) == std::pair{4 * 6 + 2, 3 * 6 + 2});
  REQUIRE(extent(1, 0) == std::pair{8, 8});
  // As torchvision: never wider than the images reach.
  REQUIRE(extent(3, 8) == std::pair{3 * 6 + 2, 8});
}

TEST_CASE("a grid of nothing, or of four channels, is a broken contract") {
  const std::vector<std::uint8_t> pixels(16);
  REQUIRE_THROWS_AS(make_grid({pixels.data(), Shape{0, 2, 2, 1}}), Error);
  REQUIRE_THROWS_AS(make_grid({pixels.data(), Shape{1, 2, 2, 4}}), Error);
  REQUIRE_THROWS_AS(make_grid({pixels.data(), Shape{2, 2, 2}}), Error);
  const std::vector<float> floats(4);
  REQUIRE_THROWS_AS(make_grid({floats.data(), Shape{1, 2, 2, 1}}), Error);
}

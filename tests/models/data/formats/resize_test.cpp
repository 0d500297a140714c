#include "models/data/formats/resize.h"

#include "runtime/base/errors.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

Image pattern(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>(x * x * 7 + y * 13 + x * y * 3 + c * 91));
      }
    }
  }
  return image;
}

/// Fowler, Noll and Vo, 64 bits, variant 1a.
std::uint64_t checksum(const std::vector<std::uint8_t>& values) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::uint8_t value : values) hash = (hash ^ value) * 0x100000001b3u;
  return hash;
}

std::vector<std::uint8_t> resized_and_cropped(const Image& image, int size) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * image.channels));
  resize_and_crop(image, size, pixels.data());
  return pixels;
}

struct Fact {
  int width, height, channels, to_width, to_height;
  std::uint64_t checksum;
};

}  // namespace

// Facts from Pillow 12.0.0, Image.resize(size, BILINEAR) of the same pattern.
TEST_CASE("a bilinear resize has Pillow's bits") {
  REQUIRE(resize_bilinear(pattern(5, 4, 1), 3, 2).pixels ==
          std::vector<std::uint8_t>{13, 45, 108, 36, 74, 145});
  REQUIRE(resize_bilinear(pattern(3, 2, 1), 5, 4).pixels ==
          std::vector<std::uint8_t>{0,  3,  7,  20, 28, 3,  7,  11, 24, 33,
                                    10, 14, 19, 33, 42, 13, 17, 23, 37, 47});
  for (const Fact& fact : {Fact{97, 61, 3, 40, 33, 0x561bab4a39cfdafb},
                           {97, 61, 1, 200, 130, 0x536dd7c01a776b73},
                           {17, 211, 3, 60, 9, 0xf21e75fdcb59c62e},
                           {64, 64, 3, 32, 32, 0x629a0a4401eda1ac},
                           {1, 1, 3, 7, 5, 0x2b60cd073cd70a2c}}) {
    CAPTURE(fact.width, fact.height, fact.to_width, fact.to_height);
    const Image result = resize_bilinear(pattern(fact.width, fact.height, fact.channels),
                                         fact.to_width, fact.to_height);
    REQUIRE(checksum(result.pixels) == fact.checksum);
  }
}

// Facts from Pillow 12.0.0 with torchvision's sizes (shorter side, int(size * long / short), crop
// at int(round(rest / 2))). 64x97 to 64 leaves a rest of 33, whose half 16.5 rounds to the even 16.
TEST_CASE("resizing the shorter side and cropping the centre has torchvision's bits") {
  for (const Fact& fact : {Fact{256, 256, 3, 64, 64, 0x357040473977df79},
                           {178, 218, 3, 64, 64, 0x0bff2da2933b56cf},
                           {100, 67, 3, 64, 64, 0x09a8e22c7a09d031},
                           {67, 100, 1, 28, 28, 0xdd50a176f0339575},
                           {64, 97, 3, 64, 64, 0xb2e9ec1ff1bb03a5},
                           {97, 64, 3, 64, 64, 0xc2ac2406f56961a5},
                           {500, 500, 3, 64, 64, 0xdbdc7e748f5263d0},
                           {20, 31, 3, 128, 128, 0xdf455b0b6708221d},
                           {300, 3, 1, 8, 8, 0x69d1b498790bcae6}}) {
    CAPTURE(fact.width, fact.height, fact.to_width);
    REQUIRE(checksum(resized_and_cropped(pattern(fact.width, fact.height, fact.channels),
                                         fact.to_width)) == fact.checksum);
  }
}

TEST_CASE("an image of the wanted size stays as it is") {
  const Image image = pattern(32, 32, 3);
  REQUIRE(resized_and_cropped(image, 32) == image.pixels);
  REQUIRE(resize_bilinear(image, 32, 32).pixels == image.pixels);
}

TEST_CASE("a plain colour stays plain at any size") {
  const Image image{37, 5, 3, std::vector<std::uint8_t>(37 * 5 * 3, 201)};
  for (const int size : {1, 3, 5, 8, 64}) {
    for (const std::uint8_t value : resized_and_cropped(image, size)) REQUIRE(value == 201);
  }
}

TEST_CASE("a line a million times as long as wide costs no more than its middle") {
  // In full the resized line would hold 1024 * 1024 * 10^6 pixels.
  const Image line{1, 1'000'000, 1, std::vector<std::uint8_t>(1'000'000, 90)};
  const std::vector<std::uint8_t> pixels = resized_and_cropped(line, 1024);
  REQUIRE(pixels.front() == 90);
  REQUIRE(pixels.back() == 90);
}

TEST_CASE("a resize to or from nothing is a broken contract") {
  REQUIRE_THROWS_AS(resize_bilinear(pattern(4, 4, 1), 0, 4), Error);
  REQUIRE_THROWS_AS(resize_bilinear(Image{0, 0, 1, {}}, 4, 4), Error);
  REQUIRE_THROWS_AS(resized_and_cropped(Image{0, 4, 1, {}}, 4), Error);
}

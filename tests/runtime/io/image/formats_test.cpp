// Pictures of the formats beside JPEG and PNG: equal to what Pillow reads (cases/draw.py), and no
// bytes that harm.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/io/files.h"
#include "runtime/io/image/image.h"
#include "tests/runtime/io/image/image_makers.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::Bytes;
using test::Samples;

namespace {

namespace fs = std::filesystem;

const fs::path kCases = "tests/runtime/io/image/cases";

struct Case {
  std::string file;
  int width = 0;
  int height = 0;
  Samples rgb;
};

std::vector<Case> all_cases() {
  std::ifstream lines(kCases / "expected.txt");
  std::vector<Case> cases;
  Case one;
  for (std::string hex; lines >> one.file >> one.width >> one.height >> hex;) {
    one.rgb.clear();
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      one.rgb.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    cases.push_back(one);
  }
  return cases;
}

Bytes bytes_of(const std::string& file) { return read_file(kCases / file, 1 << 20); }

/// Of an error that is not "this program was built without".
bool is_missing(const Error& error) { return error.kind() == ErrorKind::unavailable; }

}  // namespace

TEST_CASE("pictures of every format are what Pillow reads") {
  const std::vector<Case> cases = all_cases();
  REQUIRE(cases.size() == 33);
  for (const Case& one : cases) {
    CAPTURE(one.file);
    try {
      const Image image = convert_channels(decode_image(bytes_of(one.file), one.file), 3);
      CHECK(image.width == one.width);
      CHECK(image.height == one.height);
      CHECK(image.pixels == one.rgb);
    } catch (const Error& error) {
      if (!is_missing(error)) throw;
      WARN("skipped: " << error.what());
    }
  }
}

TEST_CASE("a picture cut anywhere or with a changed byte is read or refused, and nothing else") {
  std::int64_t refused = 0;
  for (const Case& one : all_cases()) {
    CAPTURE(one.file);
    const Bytes whole = bytes_of(one.file);
    const auto try_it = [&](std::span<const std::byte> bytes) {
      try {
        decode_image(bytes, one.file, {.max_pixels = 1'000'000});
      } catch (const Error& error) {
        if (is_missing(error)) return;
        REQUIRE(error.kind() == ErrorKind::bad_data);
        ++refused;
      }
    };
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 200) {
      // Its own memory, so that a sanitizer sees a read behind the end.
      try_it(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(whole.size(), 200); ++i) {
      for (const int change : {0x01, 0x80, 0xff}) {
        Bytes changed = whole;
        changed[i] ^= static_cast<std::byte>(change);
        try_it(changed);
      }
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("bitmaps and portable maps that are cut before their last pixel are refused") {
  for (const std::string file : {"rgb.bmp", "palette.bmp", "bits.bmp", "runs.bmp", "five.bmp",
                                 "rgb.ppm", "grey.pgm", "bits.pbm", "plain.ppm", "plain.pbm"}) {
    CAPTURE(file);
    Bytes bytes = bytes_of(file);
    bytes.resize(bytes.size() - (file.starts_with("plain") || file == "runs.bmp" ? 2 : 4));
    if (file == "bits.pbm") bytes.resize(bytes.size() - 1);
    DCGAN_CHECK_FAILS(decode_image(bytes, file), ErrorKind::bad_data, file);
  }
}

TEST_CASE("a header that asks for too many pixels is refused before memory is taken") {
  const std::string text = "P5 60000 60000 255\n";
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  const Bytes bytes(first, first + text.size());
  DCGAN_CHECK_FAILS(decode_image(bytes, "x.pgm"), ErrorKind::bad_data, "above the limit");
  DCGAN_CHECK_FAILS(decode_image(bytes, "x.pgm", {.max_pixels = 4'000'000'000}),
                    ErrorKind::bad_data, "the file ends early");
}

TEST_CASE("the first bytes say what a picture is, and words are none") {
  const auto format = [](const std::string& text) {
    return image_format(std::as_bytes(std::span(text)));
  };
  CHECK(format("BMW is a maker of cars and motorcycles") == std::nullopt);
  CHECK(format("P6") == std::nullopt);
  CHECK(format("P60 is a phone") == std::nullopt);
  CHECK(format("RIFF1234WAVEfmt ") == std::nullopt);
  CHECK(format("") == std::nullopt);
  CHECK(format("RIFF") == std::nullopt);
  CHECK(format("P6\n1 1\n") == ImageFormat::pnm);
  CHECK(format("GIF89a") == ImageFormat::gif);
}

TEST_CASE("users' pictures in lossless formats are the formula that drew them") {
  DCGAN_SHARED_OR_SKIP(folder, "cases/drawn/mixed_formats");
  for (const std::string file : {"img_0020.bmp", "img_0030.tif", "img_0050.ppm"}) {
    CAPTURE(file);
    const int i = std::stoi(file.substr(4, 4));
    const Image image = decode_image(read_file(folder / file, 1 << 20), file);
    REQUIRE(image.pixels.size() == 32 * 32 * 3);
    bool equal = true;
    for (int p = 0; p < 32 * 32; ++p) {
      const int x = p % 32;
      const int y = p / 32;
      const std::uint8_t* rgb = &image.pixels[static_cast<std::size_t>(p) * 3];
      equal = equal && rgb[0] == (x * 7 + i * 31) % 256 && rgb[1] == (y * 5 + i * 17) % 256 &&
              rgb[2] == ((x + y) * 3 + i * 11) % 256;
    }
    CHECK(equal);
  }
}

#include <algorithm>
#include <cmath>

#include "runtime/io/files.h"
#include "runtime/io/image/image.h"
#include "tests/runtime/io/image/image_makers.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::Bytes;
using test::JpegSpec;
using test::make_jpeg;
using test::Samples;

namespace {

// Blocks of 8 x 8 equal pixels: the transform of such a block is one coefficient, which quality 100
// keeps whole, so that the samples come back exactly.
constexpr int kBlock = 8;
constexpr int kBlocks = 12;  // a side

Samples blocks(int channels) {
  const auto count = static_cast<std::size_t>(channels);
  Samples colours = test::noise(kBlocks * kBlocks * count);
  std::copy_n(Samples{0, 255, 128, 7}.begin(), count, colours.begin());
  Samples samples;
  for (int y = 0; y < kBlocks * kBlock; ++y) {
    for (int x = 0; x < kBlocks * kBlock; ++x) {
      const auto block = static_cast<std::size_t>(y / kBlock * kBlocks + x / kBlock);
      for (std::size_t c = 0; c < count; ++c) samples.push_back(colours[block * count + c]);
    }
  }
  return samples;
}

JpegSpec spec_of(J_COLOR_SPACE given, J_COLOR_SPACE stored) {
  return {kBlocks * kBlock, kBlocks * kBlock, given, stored};
}

int largest_difference(const Samples& a, const Samples& b) {
  REQUIRE(a.size() == b.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// PIL's two steps by hand: the file's samples are 255 - ink, and light = (255 - ink)(255 - black).
Samples rgb_of_inverted_cmyk(const Samples& samples) {
  Samples rgb;
  for (std::size_t i = 0; i < samples.size(); i += 4) {
    const double black = 255.0 - samples[i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const double ink = 255.0 - samples[i + c];
      rgb.push_back(static_cast<std::uint8_t>(255 - black - std::round(ink * (255 - black) / 255)));
    }
  }
  return rgb;
}

Samples small_picture() { return test::noise(24 * 17 * 3); }
JpegSpec small_spec() { return {24, 17, JCS_RGB, JCS_YCbCr, 80, true}; }

}  // namespace

TEST_CASE("a grey JPEG gives its samples in one channel") {
  const Samples samples = blocks(1);
  const Image image = decode_image(make_jpeg(spec_of(JCS_GRAYSCALE, JCS_GRAYSCALE), samples), "x");
  CHECK(image.width == kBlocks * kBlock);
  CHECK(image.height == kBlocks * kBlock);
  CHECK(image.channels == 1);
  CHECK(image.pixels == samples);
}

TEST_CASE("a colour JPEG gives its colours in three channels") {
  const Samples samples = blocks(3);
  const Image image = decode_image(make_jpeg(spec_of(JCS_RGB, JCS_YCbCr), samples), "x");
  CHECK(image.channels == 3);
  // Rounding to YCbCr errs by half a step in each of three; the way back multiplies chroma by up
  // to 1.772: at most 0.5 + 1.772 * 0.5 + 0.5, less than 2.
  CHECK(largest_difference(image.pixels, samples) <= 2);
}

TEST_CASE("a JPEG that stores RGB itself gives it exactly") {
  const Samples samples = blocks(3);
  CHECK(decode_image(make_jpeg(spec_of(JCS_RGB, JCS_RGB), samples), "x").pixels == samples);
}

TEST_CASE("a CMYK JPEG becomes RGB as in PIL, to the last bit") {
  const Samples samples = blocks(4);
  for (const boolean adobe_marker : {TRUE, FALSE}) {
    JpegSpec spec = spec_of(JCS_CMYK, JCS_CMYK);
    // PIL takes the inverted convention for granted, with Adobe's marker or without.
    spec.change = [&](jpeg_compress_struct& info) { info.write_Adobe_marker = adobe_marker; };
    const Image image = decode_image(make_jpeg(spec, samples), "x");
    CAPTURE(static_cast<int>(adobe_marker));
    CHECK(image.channels == 3);
    CHECK(image.pixels == rgb_of_inverted_cmyk(samples));
  }
}

TEST_CASE("in a CMYK JPEG 255 is no ink and 0 is full ink") {
  const auto colour = [](const Samples& cmyk) {
    Samples samples;
    for (int i = 0; i < kBlock * kBlock; ++i)
      samples.insert(samples.end(), cmyk.begin(), cmyk.end());
    const Image image = decode_image(make_jpeg({kBlock, kBlock, JCS_CMYK, JCS_CMYK}, samples), "x");
    return Samples(image.pixels.begin(), image.pixels.begin() + 3);
  };
  CHECK(colour({255, 255, 255, 255}) == Samples{255, 255, 255});
  CHECK(colour({255, 255, 255, 0}) == Samples{0, 0, 0});
  CHECK(colour({0, 255, 255, 255}) == Samples{0, 255, 255});
  CHECK(colour({255, 0, 255, 128}) == Samples{128, 0, 128});
}

TEST_CASE("a YCCK JPEG becomes RGB like the CMYK that it stands for") {
  const Samples samples = blocks(4);
  const Image image = decode_image(make_jpeg(spec_of(JCS_CMYK, JCS_YCCK), samples), "x");
  // The three inks pass through YCbCr and back: 2 as above. Black does not, and scales by at
  // most 1.
  CHECK(largest_difference(image.pixels, rgb_of_inverted_cmyk(samples)) <= 2);
}

TEST_CASE("a progressive JPEG gives the same pixels as the plain one") {
  JpegSpec spec = small_spec();
  const Image plain = decode_image(make_jpeg(spec, small_picture()), "x");
  spec.change = [](jpeg_compress_struct& info) { jpeg_simple_progression(&info); };
  const Image progressive = decode_image(make_jpeg(spec, small_picture()), "x");
  CHECK(progressive.pixels == plain.pixels);
  CHECK(plain.width == 24);
  CHECK(plain.height == 17);
}

TEST_CASE("a progressive JPEG with more scans than the limit is refused") {
  JpegSpec spec = small_spec();
  spec.change = [](jpeg_compress_struct& info) { jpeg_simple_progression(&info); };
  const Bytes file = make_jpeg(spec, small_picture());
  DecodeLimits limits;
  limits.max_jpeg_scans = 10;  // as many as the library's usual progression has
  CHECK(decode_image(file, "x", limits).width == 24);
  limits.max_jpeg_scans = 9;
  DCGAN_CHECK_FAILS(decode_image(file, "x.jpg", limits), ErrorKind::bad_data,
                    "x.jpg: JPEG: more than 9 scans");
}

TEST_CASE("a JPEG of very many scans is refused by default") {
  // One scan for each coefficient, coarse and then fine: 127.
  std::vector<jpeg_scan_info> script{{1, {0}, 0, 0, 0, 0}};
  for (int fine = 0; fine < 2; ++fine) {
    for (int k = 1; k < 64; ++k) script.push_back({1, {0}, k, k, fine, 1 - fine});
  }
  JpegSpec spec{16, 16, JCS_GRAYSCALE, JCS_GRAYSCALE};
  spec.change = [&](jpeg_compress_struct& info) {
    info.scan_info = script.data();
    info.num_scans = static_cast<int>(script.size());
  };
  DCGAN_CHECK_FAILS(decode_image(make_jpeg(spec, test::noise(256)), "x"), ErrorKind::bad_data,
                    "more than 100 scans");
}

TEST_CASE("the EXIF orientation of a JPEG is ignored, as torchvision's loader does") {
  JpegSpec spec = small_spec();
  const Image upright = decode_image(make_jpeg(spec, small_picture()), "x");
  spec.markers = [](jpeg_compress_struct& info) {
    // Exif, big-endian, one entry: orientation (0x112), a short, 6: turned by a quarter.
    static const unsigned char exif[] = {'E', 'x', 'i', 'f', 0, 0, 'M',  'M', 0, 42, 0,
                                         0,   0,   8,   0,   1, 1, 0x12, 0,   3, 0,  0,
                                         0,   1,   0,   6,   0, 0, 0,    0,   0, 0};
    jpeg_write_marker(&info, JPEG_APP0 + 1, exif, sizeof exif);
  };
  const Image image = decode_image(make_jpeg(spec, small_picture()), "x");
  CHECK(image.width == 24);
  CHECK(image.pixels == upright.pixels);
}

TEST_CASE("a JPEG cut at any length is refused") {
  for (const bool progressive : {false, true}) {
    JpegSpec spec = small_spec();
    if (progressive) spec.change = [](jpeg_compress_struct& i) { jpeg_simple_progression(&i); };
    const Bytes whole = make_jpeg(spec, small_picture());
    for (std::size_t length = 0; length < whole.size(); ++length) {
      // A copy of that length, so that AddressSanitizer sees a read past its end.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const auto error = test::error_of([&] { decode_image(cut, "x"); });
      CAPTURE(progressive, length, whole.size());
      REQUIRE(error.has_value());
      CHECK(error->kind() == ErrorKind::bad_data);
    }
  }
}

TEST_CASE("a JPEG with a changed byte is decoded or refused as bad data") {
  const Bytes whole = make_jpeg(small_spec(), small_picture());
  DecodeLimits limits;
  limits.max_pixels = 1 << 20;
  int refused = 0;
  for (std::size_t at = 2; at < whole.size(); ++at) {
    Bytes bad = whole;
    bad[at] ^= std::byte{0x55};
    const auto error = test::error_of([&] { decode_image(bad, "x", limits); });
    if (error) REQUIRE(error->kind() == ErrorKind::bad_data);
    refused += error.has_value();
  }
  CHECK(refused > 50);
}

TEST_CASE("extra bytes between the segments of a JPEG are ignored") {
  Bytes file = make_jpeg(small_spec(), small_picture());
  const Image clean = decode_image(file, "x");
  file.insert(file.end() - 2, 5, std::byte{0});  // before the end marker
  CHECK(decode_image(file, "x").pixels == clean.pixels);
}

TEST_CASE("a JPEG above the pixel limit is refused from its header, with the figures") {
  DecodeLimits limits;
  limits.max_pixels = 24 * 17 - 1;
  DCGAN_CHECK_FAILS(decode_image(make_jpeg(small_spec(), small_picture()), "x.jpg", limits),
                    ErrorKind::bad_data, "x.jpg: 24 x 17 pixels are above the limit of 407");
}

TEST_CASE("a JPEG of two components is refused with their number") {
  JpegSpec spec{16, 16, JCS_UNKNOWN, JCS_UNKNOWN};
  spec.channels = 2;
  DCGAN_CHECK_FAILS(decode_image(make_jpeg(spec, test::noise(16 * 16 * 2)), "x"),
                    ErrorKind::bad_data, "2 components, not 1, 3 or 4");
}

TEST_CASE("a file that is neither JPEG nor PNG is refused with its name") {
  DCGAN_CHECK_FAILS(decode_image({}, "x.gif"), ErrorKind::bad_data, "x.gif: of no picture format");
  const Bytes gif{std::byte{'G'}, std::byte{'I'}, std::byte{'F'}};
  DCGAN_CHECK_FAILS(decode_image(gif, "x.gif"), ErrorKind::bad_data,
                    "of no picture format that is read (3");
}

TEST_CASE("the drawn portraits decode to their size") {
  DCGAN_SHARED_OR_SKIP(folder, "data/faces_artflow/orig256");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jpg") continue;
    const Image image = decode_image(read_file(entry.path(), 1 << 24), entry.path().string());
    CAPTURE(entry.path().string());
    CHECK(image.width == 256);
    CHECK(image.height == 256);
    CHECK(image.channels == 3);
  }
}

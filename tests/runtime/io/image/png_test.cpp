#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "runtime/io/files.h"
#include "runtime/io/image/image.h"
#include "tests/runtime/io/image/image_makers.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::Bytes;
using test::make_png;
using test::PngSpec;
using test::Samples;
using test::TemporaryFolder;

namespace {

Image decoded(const PngSpec& spec, const Samples& rows) {
  return decode_image(make_png(spec, rows), "x");
}

void append(Bytes& to, const void* data, std::size_t count) {
  const auto* bytes = static_cast<const std::byte*>(data);
  to.insert(to.end(), bytes, bytes + count);
}

void append_big_endian(Bytes& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::byte>(value >> shift));
}

Bytes chunk(const std::string& type, const Bytes& data) {
  Bytes checked;
  append(checked, type.data(), 4);
  append(checked, data.data(), data.size());
  Bytes result;
  append_big_endian(result, static_cast<std::uint32_t>(data.size()));
  append(result, checked.data(), checked.size());
  append_big_endian(
      result, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                               static_cast<uInt>(checked.size()))));
  return result;
}

constexpr std::size_t kHeaderEnd = 33;  // signature and IHDR

}  // namespace

TEST_CASE("8-bit grey, RGB and RGBA of a PNG are decoded unchanged, interlaced or not") {
  for (const bool interlaced : {false, true}) {
    CAPTURE(interlaced);
    const Samples grey = test::noise(13 * 11);
    const Image one = decoded({13, 11, 8, PNG_COLOR_TYPE_GRAY, interlaced}, grey);
    CHECK(one.channels == 1);
    CHECK(one.width == 13);
    CHECK(one.height == 11);
    CHECK(one.pixels == grey);
    const Samples rgb = test::noise(13 * 11 * 3);
    CHECK(decoded({13, 11, 8, PNG_COLOR_TYPE_RGB, interlaced}, rgb).pixels == rgb);
    const Samples rgba = test::noise(13 * 11 * 4);
    const Image four = decoded({13, 11, 8, PNG_COLOR_TYPE_RGB_ALPHA, interlaced}, rgba);
    CHECK(four.channels == 4);
    CHECK(four.pixels == rgba);
  }
}

TEST_CASE("16-bit samples of a PNG keep their upper byte") {
  const Image image = decoded({2, 1, 16, PNG_COLOR_TYPE_GRAY}, {0x12, 0xff, 0x80, 0x7f});
  CHECK(image.pixels == Samples{0x12, 0x80});
  const Image colour = decoded({1, 1, 16, PNG_COLOR_TYPE_RGB}, {1, 200, 2, 200, 255, 255});
  CHECK(colour.pixels == Samples{1, 2, 255});
}

TEST_CASE("grey of 1, 2 and 4 bits is scaled to the range 0 to 255") {
  CHECK(decoded({8, 1, 1, PNG_COLOR_TYPE_GRAY}, {0b10100101}).pixels ==
        Samples{255, 0, 255, 0, 0, 255, 0, 255});
  CHECK(decoded({4, 1, 2, PNG_COLOR_TYPE_GRAY}, {0b00011011}).pixels == Samples{0, 85, 170, 255});
  CHECK(decoded({2, 1, 4, PNG_COLOR_TYPE_GRAY}, {0x3f}).pixels == Samples{51, 255});
}

TEST_CASE("a palette becomes RGB, and RGBA when some of its colours are transparent") {
  PngSpec spec{3, 1, 8, PNG_COLOR_TYPE_PALETTE};
  spec.palette = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}};
  const Image plain = decoded(spec, {2, 0, 1});
  CHECK(plain.channels == 3);
  CHECK(plain.pixels == Samples{70, 80, 90, 10, 20, 30, 40, 50, 60});
  spec.palette_alpha = {255, 128};
  const Image transparent = decoded(spec, {2, 0, 1});
  CHECK(transparent.channels == 4);
  CHECK(transparent.pixels == Samples{70, 80, 90, 255, 10, 20, 30, 255, 40, 50, 60, 128});
}

TEST_CASE("a PNG palette with fewer than 8 bits for each pixel is unpacked") {
  PngSpec spec{4, 1, 2, PNG_COLOR_TYPE_PALETTE};
  spec.palette = {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}};
  CHECK(decoded(spec, {0b11100100}).pixels == Samples{4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1});
}

TEST_CASE("grey with alpha becomes RGBA") {
  const Image image = decoded({2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA}, {9, 100, 7, 0});
  CHECK(image.channels == 4);
  CHECK(image.pixels == Samples{9, 9, 9, 100, 7, 7, 7, 0});
}

TEST_CASE("a transparent colour becomes alpha zero") {
  PngSpec spec{2, 1, 8, PNG_COLOR_TYPE_GRAY};
  spec.change = [](png_structp png, png_infop info) {
    const png_color_16 nine{0, 0, 0, 0, 9};
    png_set_tRNS(png, info, nullptr, 1, &nine);
  };
  CHECK(decoded(spec, {9, 8}).pixels == Samples{9, 9, 9, 0, 8, 8, 8, 255});
}

TEST_CASE("a PNG cut at any length is refused") {
  for (const bool interlaced : {false, true}) {
    const Bytes whole = make_png({9, 7, 8, PNG_COLOR_TYPE_RGB, interlaced}, test::noise(189));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      // A copy of that length, so that AddressSanitizer sees a read past its end.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const auto error = test::error_of([&] { decode_image(cut, "x"); });
      CAPTURE(interlaced, length, whole.size());
      REQUIRE(error.has_value());
      CHECK(error->kind() == ErrorKind::bad_data);
    }
  }
}

TEST_CASE("a PNG with a changed byte is refused because of the chunk's checksum") {
  PngSpec spec{9, 7, 8, PNG_COLOR_TYPE_PALETTE};
  spec.palette = {{10, 20, 30}, {40, 50, 60}};
  spec.palette_alpha = {128};
  Samples rows = test::noise(63);
  for (std::uint8_t& index : rows) index &= 1;
  const Bytes whole = make_png(spec, rows);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes bad = whole;
    bad[at] ^= std::byte{0x04};
    const auto error = test::error_of([&] { decode_image(bad, "x"); });
    CAPTURE(at, whole.size());
    REQUIRE(error.has_value());
    CHECK(error->kind() == ErrorKind::bad_data);
  }
}

TEST_CASE("a header that claims 60000 x 60000 pixels is refused with the figures") {
  const Bytes small = make_png({1, 1, 8, PNG_COLOR_TYPE_RGB}, {1, 2, 3});
  Bytes header;
  append_big_endian(header, 60000);
  append_big_endian(header, 60000);
  header.insert(header.end(),
                {std::byte{8}, std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}});
  Bytes bad(small.begin(), small.begin() + 8);
  const Bytes ihdr = chunk("IHDR", header);
  append(bad, ihdr.data(), ihdr.size());
  append(bad, small.data() + kHeaderEnd, small.size() - kHeaderEnd);
  DCGAN_CHECK_FAILS(decode_image(bad, "bomb.png"), ErrorKind::bad_data,
                    "bomb.png: 60000 x 60000 pixels are above the limit of 100000000");
}

TEST_CASE("a compressed text in a PNG is never inflated") {
  // What it holds is no zlib data at all: reading it would be an error or a warning of libpng's.
  const Bytes small = make_png({1, 1, 8, PNG_COLOR_TYPE_RGB}, {1, 2, 3});
  for (const std::string type : {"zTXt", "iCCP", "iTXt"}) {
    Bytes file(small.begin(), small.begin() + kHeaderEnd);
    Bytes data;
    append(data, "a\0\0junk that no zlib ever wrote", 32);
    const Bytes extra = chunk(type, data);
    append(file, extra.data(), extra.size());
    append(file, small.data() + kHeaderEnd, small.size() - kHeaderEnd);
    CAPTURE(type);
    CHECK(decode_image(file, "x").pixels == Samples{1, 2, 3});
  }
}

TEST_CASE("a PNG with too little image data is refused with the library's reason") {
  const Bytes tall = make_png({4, 9, 8, PNG_COLOR_TYPE_GRAY}, test::noise(36));
  const Bytes flat = make_png({4, 8, 8, PNG_COLOR_TYPE_GRAY}, test::noise(32));
  Bytes mixed(tall.begin(), tall.begin() + kHeaderEnd);  // nine rows claimed, eight there
  append(mixed, flat.data() + kHeaderEnd, flat.size() - kHeaderEnd);
  DCGAN_CHECK_FAILS(decode_image(mixed, "x.png"), ErrorKind::bad_data, "x.png: PNG: ");
}

TEST_CASE("images of 1, 3 and 4 channels are unchanged by writing and reading a PNG") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3, 4}) {
    const Image image{5, 3, channels, test::noise(static_cast<std::size_t>(15 * channels))};
    write_png(folder / "x.png", image);
    const Image back = decode_image(read_file(folder / "x.png", 10'000), "x.png");
    CAPTURE(channels);
    CHECK(back.width == 5);
    CHECK(back.height == 3);
    CHECK(back.channels == channels);
    CHECK(back.pixels == image.pixels);
  }
}

TEST_CASE("encoding an image whose pixels do not fit its extents is an internal error") {
  const TemporaryFolder folder;
  DCGAN_CHECK_FAILS(write_png(folder / "x", {2, 2, 1, Samples(3)}), ErrorKind::internal,
                    "3 samples for 2 x 2 x 1");
  DCGAN_CHECK_FAILS(write_png(folder / "x", {2, 2, 2, Samples(8)}), ErrorKind::internal,
                    "2 channels");
  DCGAN_CHECK_FAILS(write_png(folder / "x", {0, 2, 1, {}}), ErrorKind::internal, "0 x 2 pixels");
  DCGAN_CHECK_FAILS(convert_channels({1, 1, 1, Samples(1)}, 2), ErrorKind::internal, "2 channels");
  CHECK(folder.entries() == 0);
}

TEST_CASE("converted channels equal PIL's") {
  // L = (19595 R + 38470 G + 7471 B + 32768) >> 16, worked by hand.
  const Image rgb{4, 1, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}};
  CHECK(convert_channels(rgb, 1).pixels == Samples{76, 150, 29, 18});
  CHECK(convert_channels(rgb, 3).pixels == rgb.pixels);
  const Image grey{2, 1, 1, {7, 250}};
  CHECK(convert_channels(grey, 3).pixels == Samples{7, 7, 7, 250, 250, 250});
  CHECK(convert_channels(grey, 1).pixels == grey.pixels);
  const Image rgba{2, 1, 4, {10, 20, 30, 0, 255, 255, 255, 128}};
  CHECK(convert_channels(rgba, 3).pixels == Samples{10, 20, 30, 255, 255, 255});
  CHECK(convert_channels(rgba, 1).pixels == Samples{18, 255});
}

TEST_CASE("grey is unchanged by a conversion to RGB and back") {
  Image grey{256, 1, 1, Samples(256)};
  for (int i = 0; i < 256; ++i)
    grey.pixels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  CHECK(convert_channels(convert_channels(grey, 3), 1).pixels == grey.pixels);
}

TEST_CASE("the drawn faces with alpha decode to their size") {
  DCGAN_SHARED_OR_SKIP(folder, "data/cartoonset_samples");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".png") continue;
    const Image image = decode_image(read_file(entry.path(), 1 << 24), entry.path().string());
    CAPTURE(entry.path().string());
    CHECK(image.width == 500);
    CHECK(image.height == 500);
    CHECK(image.channels == 4);
  }
}

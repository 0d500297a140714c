// Files that break a rule of the format: each is refused before a byte of its pixels is used.
#include "tests/models/data/packed/packed_makers.h"
#include "tests/support/catch.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

// Of the file below: description of 40 bytes, 7 labels padded to 32 bytes, one block.
constexpr std::size_t kDescriptionAt = 48;
constexpr std::size_t kLabelsAt = 88;
constexpr std::size_t kChecksumsAt = 120;
constexpr std::size_t kPixelsAt = 4096;

const Octets& good_file() {
  static const Octets file = packed_octets(counted_dataset({7, 8, 4, 3}));
  return file;
}

struct BadFile {
  const char* what;
  void (*damage)(Octets&);
  const char* message;  ///< a part of it
};

template <class T, std::size_t at, T value>
void set(Octets& file) {
  set_at(file, at, value);
}

void describe(Octets& file, std::string text) {
  text.resize(40, ' ');
  std::copy(text.begin(), text.end(), file.begin() + kDescriptionAt);
}

using U32 = std::uint32_t;
using U64 = std::uint64_t;
constexpr U64 kHuge = U64{1} << 63;

// Their checksum is right: an attacker can compute it, too.
constexpr BadFile kBad[] = {
    {"a PNG", [](Octets& f) { set_at(f, 0, U64{0x0a1a0a0d474e5089}); },
     "offset 0: not a packed data set: found 89 50 4e 47 0d 0a 1a 0a, expected 89 44 43 47 0d 0a "
     "1a 0a"},
    {"line endings changed", [](Octets& f) { f.erase(f.begin() + 4); }, "offset 0: not a packed"},
    {"version 0", set<U32, 8, 0>, "offset 8: version 0, this program reads version 1"},
    {"a newer version", set<U32, 8, 2>, "offset 8: version 2, this program reads version 1"},
    {"a longer file", [](Octets& f) { f.push_back(0); },
     "offset 16: the header says 4768 bytes, the file has 4769"},
    {"a length of 2^63", set<U64, 16, kHuge>, "offset 16: the header says 9223372036854775808"},
    {"no height", set<U32, 32, 0>, "offset 32: height 0, expected 1..4096"},
    {"a height above the limit", set<U32, 32, 4097>, "offset 32: height 4097"},
    {"no width", set<U32, 36, 0>, "offset 36: width 0"},
    {"a width of 2^32 - 1", set<U32, 36, 0xffffffff>, "offset 36: width 4294967295"},
    {"no channels", set<U32, 40, 0>, "offset 40: channels 0, expected 1..3"},
    {"four channels", set<U32, 40, 4>, "offset 40: channels 4"},
    {"2^31 classes", set<U32, 44, 0x80000000>, "offset 44: classes 2147483648"},
    {"no images", set<U64, 24, 0>, "offset 24: 0 images of 96 bytes, expected 1..49"},
    {"one image more", set<U64, 24, 8>,
     "offset 24: 8 images of 96 bytes make a file of 4864 bytes, it has 4768"},
    {"2^63 images", set<U64, 24, kHuge>, "offset 24: 9223372036854775808 images"},
    // 96 times this is 96 modulo 2^64.
    {"images whose bytes overflow", set<U64, 24, (U64{1} << 59) + 1>, "offset 24: 57646075"},
    {"another shape of as many bytes", [](Octets& f) { set_at(f, 32, U64{4} << 32 | 16); },
     "offset 24: 7 images of 192 bytes"},
    {"a description of 2^32 - 8 bytes", set<U32, 12, 0xfffffff8>,
     "offset 12: length of description 4294967288, expected 0..65536"},
    {"a description of 41 bytes", set<U32, 12, 41>,
     "offset 12: length of description 41, expected a multiple of 8"},
    {"a description that covers the pixels", set<U32, 12, 4712>, "offset 24: 7 images of 96 bytes"},
    {"no description", set<U32, 12, 0>, "offset 48: the description is \"\""},
    {"a description that is not JSON", [](Octets& f) { describe(f, "{\"dataset\":"); },
     "offset 48: the description is \"{\"dataset\":"},
    {"a description in a list", [](Octets& f) { describe(f, "[\"dataset\"]"); }, "offset 48"},
    {"a description without a data set", [](Octets& f) { describe(f, "{\"data\":\"x\"}"); },
     "expected a JSON object with the text \"dataset\""},
    {"a data set that is a number", [](Octets& f) { describe(f, "{\"dataset\":1}"); }, "offset 48"},
    {"a description with a zero byte", [](Octets& f) { f[kDescriptionAt + 12] = 0; }, "offset 48"},
    {"a label above the classes", [](Octets& f) { set_at(f, kLabelsAt + 4 * 6, 3); },
     "offset 112: label 3 of image 6, expected 0..2"},
    {"a negative label", [](Octets& f) { set_at(f, kLabelsAt, -1); },
     "offset 88: label -1 of image 0"},
};

void require_refused(const Octets& file, const std::string& message) {
  CAPTURE(file.size());
  DCGAN_CHECK_FAILS(read_octets_packed(file), ErrorKind::bad_data, "x.packed: offset ");
  DCGAN_CHECK_FAILS(read_octets_packed(file), ErrorKind::bad_data, message);
}

}  // namespace

TEST_CASE("a packed file that breaks a rule is refused with offset, found and expected") {
  REQUIRE_NOTHROW(read_octets_packed(good_file()));
  REQUIRE(good_file().size() == kPixelsAt + 7 * 96);
  for (const BadFile& bad : kBad) {
    CAPTURE(bad.what);
    Octets file = good_file();
    bad.damage(file);
    reseal(file, kPixelsAt);
    require_refused(file, bad.message);
  }
}

TEST_CASE("a description nested as deeply as it can be is refused as another is") {
  constexpr std::size_t kBytes = 65520;
  std::string text(kBytes / 2, '[');
  text.append(kBytes / 2, ']');
  DCGAN_CHECK_FAILS(packed_octets(counted_dataset({7, 8, 4, 3}), text + std::string(16, ' ')),
                    ErrorKind::config, "65536 bytes, 65528 are possible");
  const Octets file = packed_octets(counted_dataset({7, 8, 4, 3}), text);
  require_refused(file, "offset 48: the description is \"[[[[");
}

TEST_CASE("a packed file cut at any length is refused") {
  for (std::size_t length = 0; length < good_file().size(); ++length) {
    const Octets file(good_file().begin(),
                      good_file().begin() + static_cast<std::ptrdiff_t>(length));
    require_refused(file, length == 0
                              ? "offset 0: not a packed data set: found nothing, expected 89"
                          : length < 8  ? "offset 0: not a packed data set"
                          : length < 48 ? "ends within the header of 48 bytes"
                                        : fmt::format("the file has {}", length));
  }
}

TEST_CASE("a packed file with any bit flipped before its pixels is refused") {
  Octets file = good_file();
  for (std::size_t bit = 0; bit < 8 * kPixelsAt; ++bit) {
    CAPTURE(bit);
    const auto mask = static_cast<std::uint8_t>(1 << bit % 8);
    file[bit / 8] ^= mask;
    const auto error = error_of([&] { read_octets_packed(file); });
    REQUIRE(error.has_value());
    REQUIRE(error->kind() == ErrorKind::bad_data);
    file[bit / 8] ^= mask;
  }
  require_refused(
      [&] {
        Octets other = file;
        other[kChecksumsAt] ^= 1;
        return other;
      }(),
      "offset 4088: the 4088 bytes before have the checksum ");
}

TEST_CASE("flipped pixels are found by their block's checksum, not by opening") {
  // 3 blocks, the last one short: 40 images of 57600 bytes are 2.2 MiB.
  const Octets good = packed_octets(counted_dataset({40, 160, 120, 3}));
  const std::size_t begin = good.size() - 40 * 57600;
  REQUIRE(begin == kPixelsAt);
  const auto error_at = [&](std::size_t pixel) {
    Octets file = good;
    file[begin + pixel] ^= 0x10;
    const PackedFile packed = read_octets_packed(file);
    return error_of([&] { check_packed_pixels(packed, "x.packed"); });
  };
  REQUIRE_NOTHROW(check_packed_pixels(read_octets_packed(good), "x.packed"));
  const struct {
    std::size_t pixel;
    const char* message;
  } cases[] = {{0, "offset 4096: block 0 of 3, 1048576 bytes, images 0..18: checksum "},
               {1048575, "block 0 of 3"},
               {1048576, "offset 1052672: block 1 of 3, 1048576 bytes, images 18..36"},
               {40 * 57600 - 1, "offset 2101248: block 2 of 3, 206848 bytes, images 36..39"}};
  for (const auto& [pixel, message] : cases) {
    CAPTURE(pixel);
    const auto error = error_at(pixel);
    REQUIRE(error.has_value());
    CHECK(error->kind() == ErrorKind::bad_data);
    CHECK_THAT(error->what(), Contains(message));
    CHECK_THAT(error->what(), Contains(", expected "));
  }
}

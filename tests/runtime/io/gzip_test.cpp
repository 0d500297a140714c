#include "runtime/io/gzip.h"

#include <zlib.h>

#include <fstream>

#include "runtime/io/files.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes gzip(const Bytes& contents) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes output(deflateBound(&stream, contents.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(contents.data()));
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  return output;
}

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// A megabyte that does not compress to nothing.
Bytes varied(std::size_t count) {
  Bytes bytes(count);
  std::uint32_t state = 1;
  for (std::byte& b : bytes) {
    state = state * 1664525u + 1013904223u;
    b = static_cast<std::byte>((state >> 28) * 3);
  }
  return bytes;
}

}  // namespace

TEST_CASE("gzip data are recognised by their first two bytes") {
  CHECK(is_gzip(gzip(bytes_of("x"))));
  CHECK_FALSE(is_gzip(bytes_of("\x1f")));
  CHECK_FALSE(is_gzip({}));
  CHECK_FALSE(is_gzip(bytes_of("PK")));
}

TEST_CASE("compressed data are inflated to the original") {
  for (const std::size_t count : {0u, 1u, 65535u, 65536u, 65537u, 1'000'000u}) {
    const Bytes contents = varied(count);
    CAPTURE(count);
    CHECK((inflate_gzip(gzip(contents), "x.gz", 2'000'000) == contents));
  }
}

TEST_CASE("the members of a gzip file follow each other, and padding zeros end it") {
  const Bytes two = joined(gzip(bytes_of("one ")), gzip(bytes_of("two")));
  CHECK((inflate_gzip(two, "x.gz", 100) == bytes_of("one two")));
  CHECK((inflate_gzip(joined(two, Bytes(512)), "x.gz", 100) == bytes_of("one two")));
  const Bytes with_empty = joined(gzip({}), two);
  CHECK((inflate_gzip(with_empty, "x.gz", 100) == bytes_of("one two")));
}

TEST_CASE("gzip contents as large as the limit are accepted, and one byte more is refused") {
  const Bytes contents = varied(100'000);
  CHECK(inflate_gzip(gzip(contents), "x.gz", 100'000).size() == 100'000);
  DCGAN_CHECK_FAILS(inflate_gzip(gzip(contents), "x.gz", 99'999), ErrorKind::bad_data,
                    "x.gz: inflates past the limit of 99999 bytes");
  const Bytes two = joined(gzip(contents), gzip(bytes_of("y")));
  DCGAN_CHECK_FAILS(inflate_gzip(two, "x.gz", 100'000), ErrorKind::bad_data, "past the limit");
}

TEST_CASE("a gzip file cut at any length is refused with the offset") {
  const Bytes whole = gzip(varied(2000));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::span<const std::byte> cut(whole.data(), length);
    CAPTURE(length);
    DCGAN_CHECK_FAILS(inflate_gzip(cut, "x.gz", 1 << 20), ErrorKind::bad_data,
                      "end early, at byte " + std::to_string(length));
  }
}

TEST_CASE("a flipped bit in gzip data or checksum never gives other contents") {
  const Bytes contents = varied(2000);
  const Bytes whole = gzip(contents);
  std::size_t refused = 0;
  // The ten bytes of the header hold a time and a system's name, which anyone may change.
  for (std::size_t at = 10; at < whole.size(); ++at) {
    Bytes bad = whole;
    bad[at] ^= std::byte{0x10};
    bool same = false;
    const auto error =
        test::error_of([&] { same = inflate_gzip(bad, "x.gz", 1 << 20) == contents; });
    CAPTURE(at);
    CHECK((same || (error && error->kind() == ErrorKind::bad_data)));
    refused += error.has_value();
  }
  // All but the bits that fill up the last byte of the data.
  CHECK(refused + 1 >= whole.size() - 10);
}

TEST_CASE("data after the last gzip member are refused unless they are zeros") {
  DCGAN_CHECK_FAILS(inflate_gzip(joined(gzip(bytes_of("x")), bytes_of("junk")), "x.gz", 100),
                    ErrorKind::bad_data, "x.gz: gzip data are corrupt near byte");
  DCGAN_CHECK_FAILS(inflate_gzip(bytes_of("not gzip at all"), "x.gz", 100), ErrorKind::bad_data,
                    "corrupt near byte");
}

TEST_CASE("a gigabyte of zeros stops at the limit in bounded memory") {
  // 64 members of 16 MiB: about 1 MB in the file.
  Bytes bomb;
  {
    const Bytes member = gzip(Bytes(std::size_t{16} << 20));
    for (int i = 0; i < 64; ++i) bomb.insert(bomb.end(), member.begin(), member.end());
  }
  const auto peak_kib = [] {
    const std::string status = read_text_file("/proc/self/status", 1 << 20);
    return std::stol(status.substr(status.find("VmHWM:") + 6));
  };
  const std::uint64_t limit = std::uint64_t{40} << 20;
  {
    std::ofstream reset("/proc/self/clear_refs");  // "5" forgets the peak of an earlier test
    reset << "5" << std::flush;
    REQUIRE(reset.good());
  }
  const long before = peak_kib();
  DCGAN_CHECK_FAILS(inflate_gzip(bomb, "bomb.gz", limit), ErrorKind::bad_data,
                    "bomb.gz: inflates past the limit of 41943040 bytes");
  // The buffer doubles: the limit, the half before it, and what the allocator keeps of the smaller
  // ones. A gigabyte would be 25 times the limit.
  CHECK(peak_kib() - before < 4 * static_cast<long>(limit >> 10));
}

TEST_CASE("the MNIST files inflate to the sizes in their headers") {
  DCGAN_SHARED_OR_SKIP(folder, "data/mnist");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gz") continue;
    const Bytes packed = read_file(entry.path(), 1 << 26);
    const Bytes contents = inflate_gzip(packed, entry.path().string(), 1 << 26);
    const auto number = [&](std::size_t at) {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | std::to_integer<unsigned>(contents[at + i]);
      return value;
    };
    const std::size_t axes = std::to_integer<unsigned>(contents[3]);
    std::uint64_t expected = 1;
    for (std::size_t axis = 0; axis < axes; ++axis) expected *= number(4 + 4 * axis);
    CAPTURE(entry.path().string());
    CHECK(contents.size() == 4 + 4 * axes + expected);
  }
}

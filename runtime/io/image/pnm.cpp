// PBM, PGM and PPM, plain and raw (P1 to P6); https://netpbm.sourceforge.net/doc/ppm.html
#include <cmath>

#include "runtime/base/errors.h"
#include "runtime/io/image/codecs.h"

namespace dcgan {
namespace {

bool is_space(std::byte b) {
  const auto c = static_cast<char>(b);
  return c == ' ' || (c >= '\t' && c <= '\r');
}

class PnmReader {
 public:
  PnmReader(std::span<const std::byte> bytes, const std::string& name)
      : rest_(bytes), name_(name) {}

  [[noreturn]] void refuse(const char* why) const {
    fail(ErrorKind::bad_data, "{}: PNM: {}", name_, why);
  }

  std::byte next() {
    if (rest_.empty()) refuse("the file ends early");
    const std::byte b = rest_.front();
    rest_ = rest_.subspan(1);
    return b;
  }

  /// Behind white space and comments, up to the end of the number.
  std::uint32_t number() {
    skip_space();
    std::uint32_t value = digit();
    while (!rest_.empty() && !is_space(rest_.front()) && rest_.front() != std::byte{'#'}) {
      if (value > 100'000'000) refuse("a number is too large");
      value = value * 10 + digit();
    }
    return value;
  }

  std::uint32_t digit() {
    const auto c = static_cast<unsigned char>(next());
    if (c < '0' || c > '9') refuse("a number is expected");
    return c - std::uint32_t{'0'};
  }

  void skip_space() {
    while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == std::byte{'#'})) {
      if (next() != std::byte{'#'}) continue;
      while (!rest_.empty() && next() != std::byte{'\n'}) {
      }
    }
  }

  void require(std::uint64_t bytes) const {
    if (rest_.size() < bytes) refuse("the file ends early");
  }

 private:
  std::span<const std::byte> rest_;
  const std::string& name_;
};

struct PnmHeader {
  int kind = 0;  // 1 to 6
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t most = 1;  // largest sample

  bool is_plain() const { return kind <= 3; }
  bool is_bitmap() const { return kind % 3 == 1; }
  int channels() const { return kind % 3 == 0 ? 3 : 1; }
  std::uint64_t samples() const {
    return std::uint64_t{width} * height * static_cast<std::uint64_t>(channels());
  }
  /// The least that the samples take in the file.
  std::uint64_t least_bytes() const {
    if (is_plain()) return samples();
    if (is_bitmap()) return std::uint64_t{(width + 7) / 8} * height;
    return samples() * (most > 255 ? 2 : 1);
  }
};

PnmHeader read_header(PnmReader& reader) {
  PnmHeader header;
  reader.next();  // 'P'
  header.kind = static_cast<int>(reader.digit());
  header.width = reader.number();
  header.height = reader.number();
  if (!header.is_bitmap()) header.most = reader.number();
  if (header.most < 1 || header.most > 65535)
    reader.refuse("the largest sample is not in 1..65535");
  if (!header.is_plain() && !is_space(reader.next())) reader.refuse("no space behind the header");
  return header;
}

void read_bits(PnmReader& reader, const PnmHeader& header, std::vector<std::uint8_t>& pixels) {
  std::size_t i = 0;
  for (std::uint32_t y = 0; y < header.height; ++y) {
    unsigned bits = 0;
    for (std::uint32_t x = 0; x < header.width; ++x, bits <<= 1) {
      if (x % 8 == 0) bits = static_cast<unsigned>(reader.next());
      pixels[i++] = (bits & 0x80u) != 0 ? 0 : 255;  // 1 is black
    }
  }
}

std::uint32_t read_sample(PnmReader& reader, const PnmHeader& header) {
  if (header.is_plain()) return reader.number();
  auto value = static_cast<std::uint32_t>(reader.next());
  if (header.most > 255) value = value << 8 | static_cast<std::uint32_t>(reader.next());
  return value;
}

// Rounded as PIL does, half to even.
void read_samples(PnmReader& reader, const PnmHeader& header, std::vector<std::uint8_t>& pixels) {
  for (std::uint8_t& pixel : pixels) {
    const std::uint32_t value = read_sample(reader, header);
    if (value > header.most) reader.refuse("a sample is above the largest");
    pixel = static_cast<std::uint8_t>(
        std::nearbyint(static_cast<double>(value) / static_cast<double>(header.most) * 255.0));
  }
}

void read_plain_bits(PnmReader& reader, std::vector<std::uint8_t>& pixels) {
  for (std::uint8_t& pixel : pixels) {
    reader.skip_space();  // there need not be any
    const std::uint32_t bit = reader.digit();
    if (bit > 1) reader.refuse("a bit is neither 0 nor 1");
    pixel = bit == 1 ? 0 : 255;
  }
}

}  // namespace

Image decode_pnm(std::span<const std::byte> bytes, const std::string& name,
                 const DecodeLimits& limits) {
  PnmReader reader(bytes, name);
  const PnmHeader header = read_header(reader);
  check_pixel_count(header.width, header.height, name, limits);
  reader.require(header.least_bytes());
  Image image{static_cast<int>(header.width), static_cast<int>(header.height), header.channels(),
              std::vector<std::uint8_t>(static_cast<std::size_t>(header.samples()))};
  if (header.kind == 4) {
    read_bits(reader, header, image.pixels);
  } else if (header.kind == 1) {
    read_plain_bits(reader, image.pixels);
  } else {
    read_samples(reader, header, image.pixels);
  }
  return image;
}

}  // namespace dcgan

#include "tests/cases/strided_images.h"

#include <cmath>
#include <cstring>

namespace dcgan::test {
namespace {

constexpr double kSpecials[] = {
    0.0,      -0.0,      1.0,     -1.0,    7.0,          -7.0,          NAN,
    INFINITY, -INFINITY, 65504.0, 65519.0, 65520.0,      1e-7,          5.9e-8,
    3e-8,     2.98e-8,   6.1e-5,  6.0e-5,  1.0009765625, 1.00048828125, 1.00146484375};

// Values of images: mostly in (-1, 1), specials among them. Bytes are compared exactly, so that a
// value within 1e-4 of where a byte changes is moved: there float32 may round to the other side.
Values source_of(const Shape& shape, DType from) {
  Values x = reference::random_values(shape, 3, from, 0.0, 0.6);
  constexpr std::size_t kCount = std::size(kSpecials);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    if (i % 3 == 1) x[i] = kSpecials[static_cast<std::size_t>(i / 3) % kCount];
    x[i] = reference::stored_as(from, x[i]);
    const double byte = std::clamp((x[i] + 1) / 2, 0.0, 1.0) * 255 + 0.5;
    if (byte > 0.6 && byte < 255.4 && std::fabs(byte - std::round(byte)) < 1e-4) x[i] = 0.25;
  }
  return x;
}

std::uint8_t reference_byte(double x) {
  if (std::isnan(x)) return 0;
  return static_cast<std::uint8_t>(std::floor(std::clamp((x + 1) / 2, 0.0, 1.0) * 255 + 0.5));
}

template <class T>
void put(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

void put_reference(std::uint8_t* at, ImageType type, double value) {
  switch (type) {
    case ImageType::f32:
      return put(at, static_cast<float>(value));
    case ImageType::bf16:
      return put(at, bf16(static_cast<float>(value)));
    case ImageType::f16:
      return put(at, reference_half(value));
    case ImageType::u8:
      return put(at, reference_byte(value));
  }
}

// Where NaN is copied its bits may change; one form is compared.
void unify_nan(std::vector<std::uint8_t>& bytes, ImageType type) {
  const std::size_t size = size_of(type);
  for (std::size_t at = 0; type != ImageType::u8 && at + size <= bytes.size(); at += size) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, size);
    const std::uint32_t infinite = type == ImageType::f32    ? 0x7f800000u
                                   : type == ImageType::bf16 ? 0x7f80u
                                                             : 0x7c00u;
    const std::uint32_t magnitude = word & (type == ImageType::f32 ? 0x7fffffffu : 0x7fffu);
    if (magnitude > infinite) std::memset(bytes.data() + at, 0xff, size);
  }
}

Values as_values(const std::vector<std::uint8_t>& bytes) {
  return Values({static_cast<std::int64_t>(bytes.size())},
                std::vector<double>(bytes.begin(), bytes.end()));
}

std::vector<std::uint8_t> expected_bytes(const StridedCase& one, const Values& x, ImageType to) {
  const auto size = static_cast<std::int64_t>(size_of(to));
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(one.elements * size), 0xff);
  const Shape& s = one.shape;
  const auto& strides = one.strides;
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t h = 0; h < s[1]; ++h)
      for (std::int64_t w = 0; w < s[2]; ++w)
        for (std::int64_t c = 0; c < s[3]; ++c) {
          const std::int64_t at =
              one.first + n * strides[0] + h * strides[1] + w * strides[2] + c * strides[3];
          put_reference(bytes.data() + at * size, to, x.at(n, h, w, c));
        }
  return bytes;
}

}  // namespace

std::uint16_t reference_half(double value) {
  if (std::isnan(value)) return 0x7fff;
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), -14);
  // Of the numbers with this exponent, 2^-10 of it apart; nearbyint() rounds ties to even.
  const double steps = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
  // Normal: steps from 1024 to 2048, and each exponent above -14 adds 1024 to the bits.
  return static_cast<std::uint16_t>(sign | (static_cast<int>(steps) + 1024 * (exponent + 14)));
}

std::vector<StridedCase> strided_cases() {
  return {
      {"dense", {3, 5, 7, 3}, {105, 21, 3, 1}, 0, 315},
      {"planes", {3, 5, 7, 3}, {105, 7, 1, 35}, 0, 315},
      {"blue first", {2, 4, 6, 3}, {72, 18, 3, -1}, 2, 144},
      {"upside down", {2, 4, 6, 3}, {72, -18, 3, 1}, 54, 144},
      {"a window with alpha", {2, 5, 3, 3}, {160, 32, 4, 1}, 9, 320},
      {"planes with a pitch", {2, 4, 6, 1}, {48, 8, 1, 999}, 3, 96},
      {"images innermost", {5, 4, 3, 3}, {1, 45, 15, 5}, 0, 180},
      {"wide lines", {1, 3, 300, 3}, {0, 300, 1, 900}, 0, 2700},
      {"more images than a grid", {2500, 1, 2, 3}, {6, 6, 1, 2}, 0, 15000},
  };
}

std::vector<ImageType> image_types() {
  return {ImageType::f32, ImageType::bf16, ImageType::f16, ImageType::u8};
}

void check_strided_images(const Context& context, const StridedCase& one, DType from, ImageType to,
                          const Report& report) {
  const auto size = static_cast<std::int64_t>(size_of(to));
  const Values x = source_of(one.shape, from);
  const GuardedTensor x_on(context, x, from);
  const GuardedTensor memory(context, Shape{one.elements * size}, DType::u8);
  auto* first = static_cast<std::uint8_t*>(memory.view().data) + one.first * size;
  store_images(context, x_on.view(), {first, one.shape, one.strides, to});
  std::vector<std::uint8_t> found = memory.raw(), expected = expected_bytes(one, x, to);
  unify_nan(found, to);
  unify_nan(expected, to);
  report(exactly("memory", as_values(found), as_values(expected)));
  report(guard_bytes({&x_on, &memory}));
}

}  // namespace dcgan::test

#include "tests/cases/strided_images.h"

#include <limits>

#include "runtime/base/f16.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

TEST_CASE("images arrive in every type and layout, and nothing between them is touched") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const StridedCase& one : strided_cases()) {
      for (const DType from : {DType::f32, DType::bf16}) {
        for (const ImageType to : image_types()) {
          check_strided_images(
              context, one, from, to,
              assertions(std::string(one.name) + ", " + std::string(name_of(from)) + " to " +
                         std::string(name_of(to)) + ", " + to_string(device)));
        }
      }
    }
  }
}

TEST_CASE(
    "a half is the nearest one for all halves, the points between them and their neighbours") {
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double steps = exponent == 0 ? bits : 1024 + (bits & 0x3ffu);
    const double half = std::ldexp(steps, std::max(exponent, 1) - 25);
    const double next = std::ldexp(steps + 1, std::max(exponent, 1) - 25);
    const auto middle = static_cast<float>((half + next) / 2);
    const float inf = std::numeric_limits<float>::infinity();
    REQUIRE(f16(static_cast<float>(half)).bits == bits);
    REQUIRE(f16(static_cast<float>(-half)).bits == (bits | 0x8000u));
    REQUIRE(f16(middle).bits == bits + (bits & 1u));
    REQUIRE(f16(std::nextafter(middle, 0.0f)).bits == bits);
    REQUIRE(f16(std::nextafter(middle, inf)).bits == bits + 1);
    REQUIRE(reference_half(middle) == f16(middle).bits);
  }
  CHECK(f16(INFINITY).bits == 0x7c00);
  CHECK(f16(NAN).bits == 0x7fff);
}

TEST_CASE("memory that is a tensor of ours is known as one") {
  float data[24] = {};
  StridedImages images{data, {2, 2, 2, 3}, {12, 6, 3, 1}, ImageType::f32};
  REQUIRE(as_tensor(images).has_value());
  CHECK(as_tensor(images)->shape == images.shape);
  images.type = ImageType::f16;
  CHECK(!as_tensor(images));
  images = {data, {1, 2, 2, 3}, {-5, 6, 3, 1}, ImageType::u8};  // one image: its stride is not used
  CHECK(as_tensor(images)->dtype == DType::u8);
  images.strides = channels_first_strides(images.shape);
  CHECK(!as_tensor(images));
  images = {data, {2, 2, 2, 1}, channels_first_strides({2, 2, 2, 1}), ImageType::bf16};
  CHECK(as_tensor(images)->dtype == DType::bf16);  // with one channel both layouts are one
}

TEST_CASE("rows of strided images begin where their stride says") {
  std::uint8_t data[10] = {};
  const StridedImages images{data + 9, {3, 1, 1, 1}, {-4, 1, 1, 1}, ImageType::u8};
  CHECK(images.rows(2, 1).data == data + 1);
  CHECK(images.rows(1, 2).shape == Shape{2, 1, 1, 1});
  CHECK(thrown_by([&] { images.rows(2, 2); }).kind == ErrorKind::internal);
}

TEST_CASE("strided images say what does not fit") {
  const Context context(Device{});
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const GuardedTensor x(context, Shape{2, 4, 4, 3}, DType::f32);
  const GuardedTensor memory(context, Shape{1000}, DType::u8);
  auto* data = static_cast<std::uint8_t*>(memory.view().data);
  const auto error_for = [&](const StridedImages& to) {
    return thrown_by([&] { store_images(context, x.view(), to); }).message;
  };
  const Shape shape = x.view().shape;
  CHECK_THAT(error_for({data, {2, 4, 4, 1}, {16, 4, 1, 1}, ImageType::u8}),
             Contains("[2, 4, 4, 3]") && Contains("[2, 4, 4, 1]"));
  CHECK_THAT(error_for({nullptr, shape, channels_last_strides(shape), ImageType::u8}),
             Contains("holds u8"));
  CHECK_THAT(error_for({data + 1, shape, channels_last_strides(shape), ImageType::f16}),
             Contains("holds f16"));
  CHECK_THAT(error_for({data, shape, {48, 12, 2, 1}, ImageType::u8}),
             Contains("48, 12, 2, 1") && Contains("share memory"));
  CHECK_THAT(error_for({data, shape, {0, 12, 3, 1}, ImageType::u8}), Contains("share memory"));
  CHECK_THAT(error_for({data, shape, {48, -12, 3, -12}, ImageType::u8}), Contains("share memory"));
  for (const std::int64_t stride : {kMost, kLeast, kMost / 2}) {
    CHECK_THAT(error_for({data, shape, {stride, 12, 3, 1}, ImageType::u8}), Contains("stride of"));
  }
  CHECK_THAT(error_for({x.view().data, shape, {96, 24, 6, 2}, ImageType::u8}),
             Contains("x and y share memory"));
  CHECK(memory.raw() == std::vector<std::uint8_t>(1000, 0xff));
}

}  // namespace dcgan::test

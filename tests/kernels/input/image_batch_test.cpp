#include "kernels/input/image_batch.h"

#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

/// u -> (u / 255 - 0.5) / 0.5 with each operation rounded to float32; volatile keeps them apart.
float normalised(int value) {
  volatile float x = static_cast<float>(value) / 255.0f;
  x = x - 0.5f;
  return x / 0.5f;
}

Values random_bytes(Shape shape) {
  RandomSequence sequence({1, RandomStream::test}, 0, 0);
  Values values(shape);
  for (double& value : values.v) value = sequence.next_below(256);
  return values;
}

std::vector<std::uint8_t> all_bytes() {
  std::vector<std::uint8_t> bytes(256);
  for (int i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  return bytes;
}

}  // namespace

TEST_CASE("gathered images equal torchvision's arithmetic exactly, mirrored where wanted") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const Shape& shape :
           {Shape{5, 8, 8, 3}, Shape{5, 7, 5, 1}, Shape{5, 1, 3, 4}, Shape{5, 3, 1, 3}}) {
        INFO(to_string(shape) << ", " << name_of(dtype) << ", " << to_string(device));
        const Values images = random_bytes(shape);
        const Values indices({7}, {4, 0, 2, 2, 1, 3, 4}), flips({7}, {0, 1, 1, 0, 2, 0, 255});
        const GuardedTensor images_on(context, images, DType::u8);
        const GuardedTensor indices_on(context, indices, DType::i64);
        const GuardedTensor flips_on(context, flips, DType::u8);
        const GuardedTensor out(context, shape.with_rows(7), dtype);
        for (const bool flipped : {false, true}) {
          gather_images(context, images_on.view(), indices_on.view(),
                        flipped ? flips_on.view() : TensorView{}, out.view());
          context.synchronize();
          Values expected(shape.with_rows(7));
          for (std::int64_t n = 0; n < 7; ++n)
            for (std::int64_t h = 0; h < shape[1]; ++h)
              for (std::int64_t w = 0; w < shape[2]; ++w)
                for (std::int64_t c = 0; c < shape[3]; ++c) {
                  const auto from = static_cast<std::int64_t>(indices[n]);
                  const bool mirror = flipped && flips[n] != 0;
                  const double byte = images.at(from, h, mirror ? shape[2] - 1 - w : w, c);
                  expected.at(n, h, w, c) = reference::stored_as(
                      dtype, static_cast<double>(normalised(static_cast<int>(byte))));
                }
          CHECK(out.read().v == expected.v);
          CHECK(out.guards_intact());
        }
      }
    }
  }
}

TEST_CASE("uint8 images survive normalisation and back, all 256 values") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    const GuardedTensor bytes(context, Shape{1, 16, 16, 1}, DType::u8);
    const std::vector<std::uint8_t> all = all_bytes();
    upload(context, {all.data(), Shape{1, 16, 16, 1}}, bytes.view());
    const GuardedTensor index(context, Values({1}, {0}), DType::i64);
    const GuardedTensor x(context, Shape{1, 16, 16, 1}, DType::f32);
    const GuardedTensor back(context, Shape{1, 16, 16, 1}, DType::u8);
    gather_images(context, bytes.view(), index.view(), /*flips=*/{}, x.view());
    images_to_uint8(context, x.view(), back.view());
    CHECK(back.raw() == all);
    CHECK(back.guards_intact());
  }
}

TEST_CASE("images become uint8 clamped, rounded half up, and NaN black") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    // 2 * 127.5 / 255 - 1 = 0 is the one exact half: up to 128.
    const Values x({8}, {-1, 1, -7, 7, 0, NAN, INFINITY, -INFINITY});
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const GuardedTensor x_on(context, x, dtype), y(context, x.shape, DType::u8);
      images_to_uint8(context, x_on.view(), y.view());
      CHECK(y.raw() == std::vector<std::uint8_t>{0, 255, 0, 255, 128, 0, 255, 0});
    }
    // A long one, against the same steps in double; off a half by more than float32's rounding.
    const Values many = reference::random_values({40'001}, 1, DType::f32, 0.0, 0.6);
    const GuardedTensor many_on(context, many, DType::f32), y(context, many.shape, DType::u8);
    images_to_uint8(context, many_on.view(), y.view());
    const Values result = y.read();
    for (std::int64_t i = 0; i < many.elements(); ++i) {
      const double exact = std::clamp((many[i] + 1) / 2, 0.0, 1.0) * 255 + 0.5;
      if (std::fabs(exact - std::round(exact)) < 1e-4) continue;
      REQUIRE(result[i] == std::floor(exact));
    }
  }
}

TEST_CASE("gathering says what does not fit") {
  const Context context(Device{});
  const GuardedTensor images(context, random_bytes({5, 4, 4, 3}), DType::u8);
  const GuardedTensor out(context, Shape{2, 4, 4, 3}, DType::f32);
  const auto error_for = [&](const Values& indices) {
    const GuardedTensor on(context, indices, DType::i64);
    return thrown_by([&] { gather_images(context, images.view(), on.view(), {}, out.view()); })
        .message;
  };
  CHECK_THAT(error_for(Values({3}, {0, 1, 2})), Contains("indices has 3 elements, expected 2"));
  CHECK_THAT(error_for(Values({2}, {0, 5})), Contains("index 5") && Contains("5 images"));
  CHECK_THAT(error_for(Values({2}, {-1, 0})), Contains("index -1"));
}

}  // namespace dcgan::test

#include "tests/cases/image_batch.h"
#include "tests/kernels/support.h"

namespace dcgan::test {
namespace {

std::vector<std::uint8_t> all_bytes() {
  std::vector<std::uint8_t> bytes(256);
  for (int i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  return bytes;
}

}  // namespace

TEST_CASE("a batch of images equals torchvision's arithmetic exactly, with flips and back") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const ImageBatchCase& one : image_batch_cases()) {
        check_image_batch(context, one, dtype,
                          assertions(to_string(one) + ", " + std::string(name_of(dtype)) + ", " +
                                     to_string(device)));
      }
    }
  }
}

TEST_CASE("an update's number says which images of which epoch it sees") {
  for (const Device device : devices_under_test()) {
    const Context context(device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const ImageBatchCase& one : image_batch_cases()) {
        check_image_schedule(context, one, dtype,
                             assertions(to_string(one) + ", " + std::string(name_of(dtype)) + ", " +
                                        to_string(device)));
      }
    }
  }
}

TEST_CASE("a schedule that does not fit its order is refused") {
  const Context context(Device{});
  const GuardedTensor images(context, random_bytes({5, 4, 4, 3}), DType::u8);
  const GuardedTensor out(context, Shape{2, 4, 4, 3}, DType::f32);
  const GuardedTensor order(context, Values({1, 5}, {0, 2, 4, 6, 10}), DType::i64);
  const auto error_at = [&](std::int64_t update, std::int64_t updates, std::int64_t stride,
                            std::int64_t first) {
    const GuardedTensor number(context, Values({1}, {static_cast<double>(update)}), DType::i64);
    return thrown_by([&] {
             gather_scheduled_images(context, images.view(),
                                     {order.view(), number.view(), updates, stride, first},
                                     out.view());
           })
        .message;
  };
  CHECK_THAT(error_at(0, 3, 2, 0), Contains("3 updates of 2 images in epochs of 5"));
  CHECK_THAT(error_at(0, 1, 3, 2), Contains("images 2 .. 4 of an update's 3"));
  CHECK_THAT(error_at(0, 1, 5, 3), Contains("index 5") && Contains("5 images"));
}

TEST_CASE("all 256 values of a byte are the same after normalisation and back") {
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
    // 2 * 127.5 / 255 - 1 = 0 is an exact half: rounded up to 128.
    const Values x({8}, {-1, 1, -7, 7, 0, NAN, INFINITY, -INFINITY});
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const GuardedTensor x_on(context, x, dtype), y(context, x.shape, DType::u8);
      images_to_uint8(context, x_on.view(), y.view());
      CHECK(y.raw() == std::vector<std::uint8_t>{0, 255, 0, 255, 128, 0, 255, 0});
    }
    // Many values, against the same formula in double, but for those within 1e-4 of a half: there
    // float32 may round to the other side.
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

TEST_CASE("an image batch says what does not fit") {
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

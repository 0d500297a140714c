// From stored bytes to a batch (choice, mirroring, normalisation) and back.
#include "kernels/input/image_batch.h"

#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

constexpr std::int64_t kBatches = 8;  // in the data set that a batch is gathered from

/// u -> (u / 255 - 0.5) / 0.5, each operation rounded to float32.
double normalised(double byte) {
  volatile float x = static_cast<float>(byte) / 255.0f;
  x = x - 0.5f;
  return static_cast<double>(x / 0.5f);
}

Values random_bytes(Shape shape) {
  RandomSequence numbers({2, RandomStream::test}, 0, 0);
  Values values(shape);
  for (double& value : values.v) value = numbers.next_below(256);
  return values;
}

/// Places all over the data set, every third one at least once more.
Values scattered(std::int64_t count, std::int64_t images) {
  Values indices({count});
  for (std::int64_t i = 0; i < count; ++i) indices[i] = static_cast<double>(i * 7919 % images);
  return indices;
}

void check(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  const Shape stored{11, 9, 9, session.settings().model.channels};
  const Shape shape = stored.with_rows(6);
  const Values images = random_bytes(stored), indices = scattered(6, 11);
  const Values flips({6}, {0, 1, 1, 0, 1, 0});
  const DeviceTensor images_on(context, images, DType::u8), flips_on(context, flips, DType::u8);
  const DeviceTensor indices_on(context, indices, DType::i64), out(context, shape, dtype);
  gather_images(context, images_on.view(), indices_on.view(), flips_on.view(), out.view());
  Values expected(shape), bytes(shape);
  for (std::int64_t i = 0; i < expected.elements(); ++i) {
    const std::int64_t c = i % shape[3], w = i / shape[3] % shape[2];
    const std::int64_t h = i / shape[3] / shape[2] % shape[1];
    const std::int64_t n = i / shape[3] / shape[2] / shape[1];
    const std::int64_t from = flips[n] != 0 ? shape[2] - 1 - w : w;
    bytes[i] = images.at(static_cast<std::int64_t>(indices[n]), h, from, c);
    expected[i] = reference::stored_as(dtype, normalised(bytes[i]));
  }
  session.compare_exactly("gather", out.read(context), expected);
  // From float32, which keeps all 256 values apart.
  const DeviceTensor x(context, shape, DType::f32), back(context, shape, DType::u8);
  gather_images(context, images_on.view(), indices_on.view(), flips_on.view(), x.view());
  images_to_uint8(context, x.view(), back.view());
  session.compare_exactly("to uint8", back.read(context), bytes);
}

void time(Session& session) {
  const Context& context = session.context();
  const Settings& settings = session.settings();
  const std::int64_t size = settings.model.image_size;
  const Shape shape{settings.batch, size, size, settings.model.channels};
  const Shape stored = shape.with_rows(kBatches * settings.batch);
  const auto images = DeviceTensor::random(context, stored, DType::u8, 20.0, 128.0);
  const DeviceTensor indices(context, scattered(settings.batch, stored[0]), DType::i64);
  Values every_other({settings.batch});
  for (std::int64_t i = 0; i < settings.batch; i += 2) every_other[i] = 1;
  const DeviceTensor flips(context, every_other, DType::u8);
  const DeviceTensor out(context, shape, settings.dtype()), bytes(context, shape, DType::u8);
  const auto moved = static_cast<double>(out.view().bytes() + bytes.view().bytes());
  session.time({"gather", shape, 0, moved, 1, "", ""}, [&] {
    gather_images(context, images.view(), indices.view(), /*flips=*/{}, out.view());
  });
  session.time({"gather + mirror", shape, 0, moved, 0, "", ""}, [&] {
    gather_images(context, images.view(), indices.view(), flips.view(), out.view());
  });
  session.time({"to uint8", shape, 0, moved, 0, "", ""},
               [&] { images_to_uint8(context, out.view(), bytes.view()); });
}

}  // namespace

Operation image_batch_operation() {
  return {"image_batch",
          {"kernels/input/image_batch.h"},
          "gathering a normalised batch from bytes, and images back to bytes",
          check,
          time};
}

}  // namespace dcgan::benchmarks

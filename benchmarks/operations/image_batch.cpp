// Batches of images from stored bytes (selection, flips, normalisation), and images back to bytes.
#include "tests/cases/image_batch.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {
namespace {

constexpr std::int64_t kBatches = 8;  // in the data set

/// `count` images in an order without locality.
Values shuffled_indices(std::int64_t count, std::int64_t images) {
  Values indices({count});
  for (std::int64_t i = 0; i < count; ++i) indices[i] = static_cast<double>(i * 7919 % images);
  return indices;
}

void check(Session& session) {
  for (const test::ImageBatchCase& one : test::image_batch_cases()) {
    test::check_image_batch(session.context(), one, session.settings().dtype(),
                            session.report(to_string(one)));
    test::check_image_schedule(session.context(), one, session.settings().dtype(),
                               session.report(to_string(one) + " by schedule"));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const Settings& settings = session.settings();
  const std::int64_t size = settings.model.image_size;
  const Shape shape{settings.batch, size, size, settings.model.channels};
  const Shape stored = shape.with_rows(kBatches * settings.batch);
  const auto images = DeviceTensor::random(context, stored, DType::u8, 20.0, 128.0);
  const DeviceTensor indices(context, shuffled_indices(settings.batch, stored[0]), DType::i64);
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
  Values entries({1, stored[0]});
  for (std::int64_t i = 0; i < stored[0]; ++i) {
    entries[i] = static_cast<double>(image_entry(i * 7919 % stored[0], i % 2 == 0));
  }
  const DeviceTensor order(context, entries, DType::i64);
  const DeviceTensor number(context, Values({1}, {3}), DType::i64);
  const ImageSchedule schedule{order.view(), number.view(), kBatches, settings.batch, 0};
  session.time({"gather by schedule", shape, 0, moved, 0, "", ""},
               [&] { gather_scheduled_images(context, images.view(), schedule, out.view()); });
  session.time({"to uint8", shape, 0, moved, 0, "", ""},
               [&] { images_to_uint8(context, out.view(), bytes.view()); });
}

}  // namespace

Operation image_batch_operation() {
  return {"image_batch",
          {"kernels/input/image_batch.h"},
          "a normalised batch from stored bytes, and images back to bytes",
          check,
          time};
}

}  // namespace dcgan::benchmarks

#include "tests/cases/image_batch.h"

namespace dcgan::test {
namespace {

// u -> (u / 255 - 0.5) / 0.5 with each operation rounded to float32; volatile keeps them apart.
double normalised(double byte) {
  volatile float x = static_cast<float>(byte) / 255.0f;
  x = x - 0.5f;
  return static_cast<double>(x / 0.5f);
}

// The bytes of the batch. Without flips where `flips` is empty.
Values batch_of(const Values& images, const Values& indices, const Values& flips) {
  Values batch(images.shape.with_rows(indices.elements()));
  const Shape& shape = batch.shape;
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t h = 0; h < shape[1]; ++h)
      for (std::int64_t w = 0; w < shape[2]; ++w)
        for (std::int64_t c = 0; c < shape[3]; ++c) {
          const bool flip = flips.elements() > 0 && flips[n] != 0;
          batch.at(n, h, w, c) =
              images.at(static_cast<std::int64_t>(indices[n]), h, flip ? shape[2] - 1 - w : w, c);
        }
  return batch;
}

Values normalised_as(DType dtype, Values bytes) {
  for (double& value : bytes.v) value = reference::stored_as(dtype, normalised(value));
  return bytes;
}

}  // namespace

std::string to_string(const ImageBatchCase& one) {
  return std::to_string(one.indices.size()) + " of " + to_string(one.stored);
}

std::vector<ImageBatchCase> image_batch_cases() {
  const std::vector<double> indices{4, 0, 2, 2, 1, 3, 4}, flips{0, 1, 1, 0, 2, 0, 255};
  return {
      {{5, 8, 8, 3}, indices, flips},
      {{5, 7, 5, 1}, indices, flips},
      {{5, 1, 3, 4}, indices, flips},
      {{5, 3, 1, 3}, indices, flips},
      {{11, 9, 9, 3}, {0, 10, 9, 8, 7, 6}, {0, 1, 1, 0, 1, 0}},
      {{11, 9, 9, 1}, {0, 10, 9, 8, 7, 6}, {0, 1, 1, 0, 1, 0}},
  };
}

Values random_bytes(Shape shape) {
  RandomSequence sequence({1, RandomStream::test}, 0, 0);
  Values values(shape);
  for (double& value : values.v) value = sequence.next_below(256);
  return values;
}

void check_image_batch(const Context& context, const ImageBatchCase& one, DType dtype,
                       const Report& report) {
  const auto count = static_cast<std::int64_t>(one.indices.size());
  const Values images = random_bytes(one.stored);
  const Values indices({count}, one.indices), flips({count}, one.flips);
  const GuardedTensor images_on(context, images, DType::u8);
  const GuardedTensor indices_on(context, indices, DType::i64);
  const GuardedTensor flips_on(context, flips, DType::u8);
  const GuardedTensor plain(context, one.stored.with_rows(count), dtype);
  const GuardedTensor flipped(context, plain.view().shape, dtype);
  gather_images(context, images_on.view(), indices_on.view(), /*flips=*/{}, plain.view());
  gather_images(context, images_on.view(), indices_on.view(), flips_on.view(), flipped.view());
  report(exactly("batch", plain.read(),
                 normalised_as(dtype, batch_of(images, indices, Values(Shape{0})))));
  const Values bytes = batch_of(images, indices, flips);
  report(exactly("batch with flips", flipped.read(), normalised_as(dtype, bytes)));
  // From float32, which distinguishes all 256 values.
  const GuardedTensor x(context, plain.view().shape, DType::f32);
  const GuardedTensor back(context, plain.view().shape, DType::u8);
  gather_images(context, images_on.view(), indices_on.view(), flips_on.view(), x.view());
  images_to_uint8(context, x.view(), back.view());
  report(exactly("back to uint8", back.read(), bytes));
  report(guard_bytes({&images_on, &indices_on, &flips_on, &plain, &flipped, &x, &back}));
}

void check_image_schedule(const Context& context, const ImageBatchCase& one, DType dtype,
                          const Report& report) {
  constexpr std::int64_t kEpochs = 3, kBatch = 2, kRanks = 2;
  const std::int64_t stored = one.stored[0];
  const std::int64_t updates = stored / (kBatch * kRanks);
  const Values images = random_bytes(one.stored);
  Values order({kEpochs, stored});
  for (std::int64_t i = 0; i < order.elements(); ++i) {
    order[i] = static_cast<double>(image_entry(i * 7 % stored, i % 3 == 0));
  }
  const GuardedTensor images_on(context, images, DType::u8), order_on(context, order, DType::i64);
  for (const std::int64_t update : {std::int64_t{0}, std::int64_t{1}, updates, 2 * updates + 1,
                                    3 * updates, std::int64_t{1} << 40}) {
    const GuardedTensor number(context, Values({1}, {static_cast<double>(update)}), DType::i64);
    for (std::int64_t rank = 0; rank < kRanks; ++rank) {
      const GuardedTensor out(context, one.stored.with_rows(kBatch), dtype);
      gather_scheduled_images(
          context, images_on.view(),
          {order_on.view(), number.view(), updates, kRanks * kBatch, rank * kBatch}, out.view());
      Values indices({kBatch}), flips({kBatch});
      for (std::int64_t n = 0; n < kBatch; ++n) {
        const std::int64_t place = (update % updates * kRanks + rank) * kBatch + n;
        const auto entry =
            static_cast<std::int64_t>(order[update / updates % kEpochs * stored + place]);
        indices[n] = static_cast<double>(entry / 2);
        flips[n] = static_cast<double>(entry % 2);
      }
      report(exactly("update " + std::to_string(update), out.read(),
                     normalised_as(dtype, batch_of(images, indices, flips))));
      report(guard_bytes({&out}));
    }
    report(exactly("number", number.read(), Values({1}, {static_cast<double>(update)})));
  }
  report(guard_bytes({&images_on, &order_on}));
}

}  // namespace dcgan::test

#include "models/training/batch_feeder.h"

#include "kernels/image_batch.h"
#include "models/data/shuffle.h"

namespace dcgan {

BatchFeeder::BatchFeeder(const Context& context, const Dataset& dataset,
                         const FeederOptions& options)
    : dataset_(dataset), options_(options), batches_per_epoch_(dataset.size() / options.batch) {
  if (batches_per_epoch_ == 0) {
    fail(ErrorKind::config, "{}: {} images are less than one batch of {}", dataset.name,
         dataset.size(), options.batch);
  }
  const std::int64_t count = dataset.size();
  images_ = dataset.images();
  if (context.is_cuda()) {
    image_buffer_ = Buffer(context, images_.bytes());
    const TensorView resident(image_buffer_.data(), dataset.shape, DType::u8);
    upload(context, images_, resident);
    images_ = resident;
  }
  order_buffer_ = Buffer(context, static_cast<std::size_t>(count) * sizeof(std::int64_t));
  order_ = TensorView(order_buffer_.data(), {count}, DType::i64);
  if (options.flip) {
    flip_buffer_ = Buffer(context, static_cast<std::size_t>(count));
    flips_ = TensorView(flip_buffer_.data(), {count}, DType::u8);
  }
}

void BatchFeeder::enter_epoch(const Context& context, std::int64_t epoch) {
  epoch_ = epoch;
  const std::vector<std::int64_t> order = epoch_order(dataset_.size(), options_.seed, epoch);
  upload(context, ConstTensorView(order.data(), order_.shape), order_);
  if (!options_.flip) return;
  const std::vector<std::uint8_t> by_image = epoch_flips(dataset_.size(), options_.seed, epoch);
  std::vector<std::uint8_t> in_order;
  in_order.reserve(order.size());
  for (const std::int64_t index : order) in_order.push_back(by_image[static_cast<std::size_t>(index)]);
  upload(context, ConstTensorView(in_order.data(), flips_.shape), flips_);
}

void BatchFeeder::feed(const Context& context, std::int64_t update, TensorView images) {
  const std::int64_t epoch = update / batches_per_epoch_;
  if (epoch != epoch_) enter_epoch(context, epoch);
  const std::int64_t first = update % batches_per_epoch_ * options_.batch;
  gather_images(context, images_, order_.rows(first, options_.batch),
                flips_.empty() ? ConstTensorView{} : ConstTensorView(flips_.rows(first, options_.batch)),
                images);
}

}  // namespace dcgan

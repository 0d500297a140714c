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
  const std::int64_t selected = options.updates_per_step * options.batch;
  order_buffer_ =
      Buffer(context, static_cast<std::size_t>(count + selected) * sizeof(std::int64_t));
  const TensorView orders(order_buffer_.data(), {count + selected}, DType::i64);
  order_ = orders.rows(0, count);
  selected_order_ = orders.rows(count, selected);
  if (options.flip) {
    flip_buffer_ = Buffer(context, static_cast<std::size_t>(count + selected));
    const TensorView flips(flip_buffer_.data(), {count + selected}, DType::u8);
    flips_ = flips.rows(0, count);
    selected_flips_ = flips.rows(count, selected);
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
  for (const std::int64_t index : order)
    in_order.push_back(by_image[static_cast<std::size_t>(index)]);
  upload(context, ConstTensorView(in_order.data(), flips_.shape), flips_);
}

void BatchFeeder::select(const Context& context, std::int64_t first_update) {
  for (std::int64_t index = 0; index < options_.updates_per_step; ++index) {
    const std::int64_t update = first_update + index;
    const std::int64_t epoch = update / batches_per_epoch_;
    if (epoch != epoch_) enter_epoch(context, epoch);
    const std::int64_t first = update % batches_per_epoch_ * options_.batch;
    const std::int64_t to = index * options_.batch;
    copy(context, order_.rows(first, options_.batch), selected_order_.rows(to, options_.batch));
    if (flips_.empty()) continue;
    copy(context, flips_.rows(first, options_.batch), selected_flips_.rows(to, options_.batch));
  }
}

void BatchFeeder::feed(const Context& context, std::int64_t index, TensorView images) const {
  const std::int64_t first = index * options_.batch;
  ConstTensorView flips;
  if (!selected_flips_.empty()) flips = selected_flips_.rows(first, options_.batch);
  gather_images(context, images_, selected_order_.rows(first, options_.batch), flips, images);
}

}  // namespace dcgan

#include "models/data/loader.h"

#include <cstring>
#include <numeric>

#include "kernels/input/image_batch.h"
#include "models/data/shuffle.h"

namespace dcgan {
namespace {

// What must stay free beside a resident data set: a graph, plans that CUDA compiles, sample grids.
constexpr std::size_t kReserve = std::size_t{512} << 20;

bool should_stream(const Context& context, const Dataset& dataset, ImageMemory memory) {
  if (!context.is_cuda() || memory == ImageMemory::device) return false;
  return memory == ImageMemory::host || dataset.images().bytes() + kReserve > free_bytes(context);
}

}  // namespace

Loader::Loader(const Context& context, const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset),
      options_(options),
      batches_per_epoch_(dataset.size() / (options.batch * options.shard.world_size)) {
  if (batches_per_epoch_ == 0) {
    fail(ErrorKind::config, "{}: {} images are less than one batch of {}", dataset.name,
         dataset.size(), options.batch * options.shard.world_size);
  }
  if (should_stream(context, dataset, options.memory)) {
    make_stream(context);
  } else {
    make_resident(context);
  }
}

void Loader::make_resident(const Context& context) {
  const std::int64_t count = dataset_.size();
  images_ = dataset_.images();
  if (context.is_cuda()) {
    image_buffer_ = Buffer(context, images_.bytes());
    const TensorView resident(image_buffer_.data(), dataset_.shape, DType::u8);
    upload(context, images_, resident);
    images_ = resident;
  }
  order_buffer_ =
      Buffer(context, static_cast<std::size_t>(count + selected()) * sizeof(std::int64_t));
  const TensorView orders(order_buffer_.data(), {count + selected()}, DType::i64);
  order_ = orders.rows(0, count);
  selected_order_ = orders.rows(count, selected());
  order_staging_ =
      Buffer(context, static_cast<std::size_t>(count) * sizeof(std::int64_t), MemoryKind::pinned);
  order_sent_.emplace(context);
  if (!options_.flip) return;
  flip_staging_ = Buffer(context, static_cast<std::size_t>(count), MemoryKind::pinned);
  flip_buffer_ = Buffer(context, static_cast<std::size_t>(count + selected()));
  const TensorView flips(flip_buffer_.data(), {count + selected()}, DType::u8);
  flips_ = flips.rows(0, count);
  selected_flips_ = flips.rows(count, selected());
}

void Loader::make_stream(const Context& context) {
  upload_.emplace(context, dataset_.shape.with_rows(selected()));
  images_ = upload_->batch();
  if (options_.flip) selected_flips_ = upload_->flips();
  // What arrives is in order already.
  std::vector<std::int64_t> places(static_cast<std::size_t>(selected()));
  std::iota(places.begin(), places.end(), 0);
  order_buffer_ = Buffer(context, places.size() * sizeof(std::int64_t));
  selected_order_ = TensorView(order_buffer_.data(), {selected()}, DType::i64);
  upload(context, ConstTensorView(places.data(), selected_order_.shape), selected_order_);
}

std::int64_t Loader::first_image(std::int64_t update) const {
  const std::int64_t batch = update % batches_per_epoch_;
  return (batch * options_.shard.world_size + options_.shard.rank) * options_.batch;
}

void Loader::enter_epoch(std::int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  epoch_order_ = epoch_order(dataset_.size(), options_.seed, epoch);
  if (!options_.flip) return;
  const std::vector<std::uint8_t> by_image = epoch_flips(dataset_.size(), options_.seed, epoch);
  epoch_flips_.clear();
  for (const std::int64_t index : epoch_order_)
    epoch_flips_.push_back(by_image[static_cast<std::size_t>(index)]);
}

// Through pinned memory, so that entering an epoch does not wait for the steps before it.
void Loader::send_order(const Context& context) {
  order_sent_->synchronize();  // the epoch before this one
  const TensorView staged(order_staging_.data(), order_.shape, DType::i64);
  std::memcpy(staged.data, epoch_order_.data(), staged.bytes());
  enqueue_upload(context, staged, order_);
  if (options_.flip) {
    const TensorView flips(flip_staging_.data(), flips_.shape, DType::u8);
    std::memcpy(flips.data, epoch_flips_.data(), flips.bytes());
    enqueue_upload(context, flips, flips_);
  }
  order_sent_->record(context);
  order_epoch_ = epoch_;
}

void Loader::select_resident(const Context& context, std::int64_t first_update) {
  for (std::int64_t index = 0; index < options_.updates_per_step; ++index) {
    const std::int64_t update = first_update + index;
    enter_epoch(update / batches_per_epoch_);
    if (order_epoch_ != epoch_) send_order(context);
    const std::int64_t first = first_image(update);
    const std::int64_t to = index * options_.batch;
    copy(context, order_.rows(first, options_.batch), selected_order_.rows(to, options_.batch));
    if (!options_.flip) continue;
    copy(context, flips_.rows(first, options_.batch), selected_flips_.rows(to, options_.batch));
  }
}

void Loader::select(const Context& context, std::int64_t first_update) {
  if (!streams()) return select_resident(context, first_update);
  // Prefetched for another step than this (the first of a resumed run): received and replaced.
  if (upload_->under_way() > 0 && sent_update_ != first_update) upload_->receive(context);
  if (upload_->under_way() == 0) prefetch(first_update);
  upload_->receive(context);
}

void Loader::prefetch(std::int64_t first_update) {
  if (!streams()) return;
  sent_indices_.clear();
  sent_flips_.clear();
  for (std::int64_t index = 0; index < options_.updates_per_step; ++index) {
    const std::int64_t update = first_update + index;
    enter_epoch(update / batches_per_epoch_);
    const auto first = epoch_order_.begin() + first_image(update);
    sent_indices_.insert(sent_indices_.end(), first, first + options_.batch);
    if (!options_.flip) continue;
    const auto flip = epoch_flips_.begin() + first_image(update);
    sent_flips_.insert(sent_flips_.end(), flip, flip + options_.batch);
  }
  upload_->send(dataset_.images(), {sent_indices_, sent_flips_});
  sent_update_ = first_update;
}

void Loader::load(const Context& context, std::int64_t index, TensorView images) {
  const std::int64_t first = index * options_.batch;
  ConstTensorView flips;
  if (!selected_flips_.empty()) flips = selected_flips_.rows(first, options_.batch);
  gather_images(context, images_, selected_order_.rows(first, options_.batch), flips, images);
}

}  // namespace dcgan

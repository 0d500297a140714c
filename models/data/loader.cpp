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
  const std::int64_t epochs = epochs_of_a_step();
  const std::size_t bytes = static_cast<std::size_t>(epochs * count) * sizeof(std::int64_t);
  order_buffer_ = Buffer(context, bytes);
  order_staging_ = Buffer(context, bytes, MemoryKind::pinned);
  order_ = TensorView(order_buffer_.data(), {epochs, count}, DType::i64);
  sent_orders_.resize(static_cast<std::size_t>(epochs));
  for (SentOrder& sent : sent_orders_) sent.done.emplace(context);
}

void Loader::make_stream(const Context& context) {
  upload_.emplace(context, dataset_.shape.with_rows(selected()));
  images_ = upload_->batch();
  if (options_.flip) arrived_flips_ = upload_->flips();
  // What arrives is in order already.
  std::vector<std::int64_t> places(static_cast<std::size_t>(selected()));
  std::iota(places.begin(), places.end(), 0);
  order_buffer_ = Buffer(context, places.size() * sizeof(std::int64_t));
  arrived_order_ = TensorView(order_buffer_.data(), {selected()}, DType::i64);
  upload(context, ConstTensorView(places.data(), arrived_order_.shape), arrived_order_);
}

std::int64_t Loader::first_image(std::int64_t update) const {
  const std::int64_t batch = update % batches_per_epoch_;
  return (batch * options_.shard.world_size + options_.shard.rank) * options_.batch;
}

/// The most epochs that the updates of one step lie in.
std::int64_t Loader::epochs_of_a_step() const {
  return (options_.updates_per_step + batches_per_epoch_ - 2) / batches_per_epoch_ + 1;
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

// Once an epoch, through pinned memory, so that entering it does not wait for the steps before it.
void Loader::send_order(const Context& context, std::int64_t epoch) {
  const auto place = static_cast<std::size_t>(epoch % order_.shape[0]);
  SentOrder& sent = sent_orders_[place];
  if (sent.epoch == epoch) return;
  enter_epoch(epoch);
  sent.done->synchronize();  // of the epoch that was there
  const TensorView to = order_.rows(static_cast<std::int64_t>(place), 1);
  const TensorView staged(order_staging_.data() + place * to.bytes(), to.shape, DType::i64);
  auto* entries = staged.as<std::int64_t>();
  for (std::size_t i = 0; i < epoch_order_.size(); ++i) {
    entries[i] = image_entry(epoch_order_[i], options_.flip && epoch_flips_[i] != 0);
  }
  enqueue_upload(context, staged, to);
  sent.done->record(context);
  sent.epoch = epoch;
}

void Loader::select_resident(const Context& context, std::int64_t first_update) {
  const std::int64_t last_update = first_update + options_.updates_per_step - 1;
  for (std::int64_t epoch = first_update / batches_per_epoch_;
       epoch <= last_update / batches_per_epoch_; ++epoch) {
    send_order(context, epoch);
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

void Loader::load(const Context& context, const StepUpdate& update, TensorView images) {
  if (!streams()) {
    return gather_scheduled_images(
        context, images_,
        {order_, update.number, batches_per_epoch_, options_.shard.world_size * options_.batch,
         options_.shard.rank * options_.batch},
        images);
  }
  const std::int64_t first = update.index * options_.batch;
  ConstTensorView flips;
  if (!arrived_flips_.empty()) flips = arrived_flips_.rows(first, options_.batch);
  gather_images(context, images_, arrived_order_.rows(first, options_.batch), flips, images);
}

}  // namespace dcgan

// The loader: a data set as the image source of a training engine. Which images an update sees
// follows from the seed and the update's number alone; selection, mirroring and normalisation
// happen on the device that computes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/data/dataset.h"
#include "models/data/image_upload.h"
#include "models/training/step_inputs.h"
#include "runtime/base/enum_names.h"
#include "runtime/comm/shard.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {

/// Where a GPU run keeps its images. Never changes results; on the CPU they stay where they are.
enum class ImageMemory {
  automatic,  ///< on the GPU when they fit beside everything else, else in host memory
  device,     ///< on the GPU
  host,       ///< in host memory; the next step's images are uploaded during this step
};

constexpr auto enum_table(ImageMemory) {
  return NameTable<ImageMemory, 3>{{{"auto", ImageMemory::automatic},
                                    {"device", ImageMemory::device},
                                    {"host", ImageMemory::host}}};
}

struct LoaderOptions {
  std::int64_t batch = 64;  ///< images of an update, of one rank
  std::uint64_t seed = 0;
  bool flip = false;
  std::int64_t updates_per_step = 1;  ///< batches that one step takes: --d-steps
  ImageMemory memory = ImageMemory::automatic;
  Shard shard;  ///< this rank's part of each update's world_size * batch images
};

class Loader final : public ImageSource {
 public:
  /// Puts the images where `context` computes, or prepares to upload them: automatic looks at what
  /// is free now, so make the loader last. Throws Error(config) with both counts when the data set
  /// is smaller than a batch of all ranks, Error(unavailable) with need and free when it does not
  /// fit on the device that was asked for. The data set must outlive the loader.
  Loader(const Context& context, const Dataset& dataset, const LoaderOptions& options);

  /// Whole batches in an epoch; the images left over are seen in other epochs, whose order differs.
  std::int64_t batches_per_epoch() const { return batches_per_epoch_; }
  /// Whether the images stay in host memory and each step's are uploaded.
  bool streams() const { return upload_.has_value(); }

  void select(const Context& context, std::int64_t first_update) override;
  void load(const Context& context, const StepUpdate& update, TensorView images) override;
  /// Starts the upload of a later select(). Does nothing unless the loader streams.
  void prefetch(std::int64_t first_update) override;

 private:
  void make_resident(const Context& context);
  void make_stream(const Context& context);
  void enter_epoch(std::int64_t epoch);
  void send_order(const Context& context, std::int64_t epoch);
  void select_resident(const Context& context, std::int64_t first_update);

  std::int64_t epochs_of_a_step() const;
  /// Place in the epoch's order of this rank's first image of an update.
  std::int64_t first_image(std::int64_t update) const;
  std::int64_t selected() const { return options_.updates_per_step * options_.batch; }

  const Dataset& dataset_;
  LoaderOptions options_;
  std::int64_t batches_per_epoch_;

  std::int64_t epoch_ = -1;                // of the two below
  std::vector<std::int64_t> epoch_order_;  // (M)
  std::vector<std::uint8_t> epoch_flips_;  // (M) in that order; empty: none

  ConstTensorView images_;  // what load() reads
  // Resident: an epoch's order, where the step looks it up. Pinned memory is declared before the
  // buffer on the GPU, which is then released first: that waits for the copies.
  struct SentOrder {
    std::int64_t epoch = -1;
    std::optional<Event> done;  // staging may be written
  };
  Buffer order_staging_;
  std::vector<SentOrder> sent_orders_;  // by epoch mod E
  Buffer order_buffer_;
  TensorView order_;     // (E, M) i64: image_entry()s
  Buffer image_buffer_;  // the data set on a GPU; on the CPU it is used where it is

  // Streamed: images_ is what arrived for this step.
  std::optional<ImageUpload> upload_;
  TensorView arrived_order_;       // (selected) i64: 0, 1, ..., in order_buffer_
  TensorView arrived_flips_;       // (selected) u8; empty: none
  std::int64_t sent_update_ = -1;  // of the upload in progress
  std::vector<std::int64_t> sent_indices_;
  std::vector<std::uint8_t> sent_flips_;
};

}  // namespace dcgan

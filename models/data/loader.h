// Real images into a step: which images an update sees follows from the seed and the update's
// number alone, and the copy, mirroring and normalisation happen where the step computes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/data/dataset.h"
#include "models/data/image_upload.h"
#include "runtime/base/enum_names.h"
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
  std::int64_t batch = 64;
  std::uint64_t seed = 0;
  bool flip = false;
  std::int64_t updates_per_step = 1;  ///< batches that one step takes: --d-steps
  ImageMemory memory = ImageMemory::automatic;
};

class Loader {
 public:
  /// Puts the images where `context` computes, or makes ready to send them: automatic looks at what
  /// is free now, so make this last. Throws Error(config) with both counts when the data set is
  /// smaller than a batch, Error(unavailable) with need and free when it does not fit on the device
  /// that was asked for. The data set must outlive the loader.
  Loader(const Context& context, const Dataset& dataset, const LoaderOptions& options);

  /// Whole batches in an epoch; what is left over is seen in other epochs.
  std::int64_t batches_per_epoch() const { return batches_per_epoch_; }
  /// Whether images travel from host memory to a GPU at every step.
  bool streams() const { return upload_.has_value(); }

  /// Names the images of the next step: those of updates first_update .. + updates_per_step - 1,
  /// counted from 0 over the whole run. Their places, or they themselves, go to memory that stays
  /// where it is, so that feed() can be part of a graph; this cannot.
  void select(const Context& context, std::int64_t first_update);

  /// Sends the images of a later select() ahead. Call it when the step is under way. Does nothing
  /// unless they stream.
  void prefetch(std::int64_t first_update);

  /// Writes the images of the step's update `index` to `images` (N, H, W, C). Enqueued.
  void feed(const Context& context, std::int64_t index, TensorView images) const;

 private:
  void make_resident(const Context& context);
  void make_stream(const Context& context);
  void enter_epoch(std::int64_t epoch);
  void send_order(const Context& context);
  void select_resident(const Context& context, std::int64_t first_update);

  std::int64_t selected() const { return options_.updates_per_step * options_.batch; }

  const Dataset& dataset_;
  LoaderOptions options_;
  std::int64_t batches_per_epoch_;

  std::int64_t epoch_ = -1;                // of the two below
  std::vector<std::int64_t> epoch_order_;  // (M)
  std::vector<std::uint8_t> epoch_flips_;  // (M) in that order; empty: none

  // Resident, on the order's way to a GPU: pinned. Before the buffers there, which are so released
  // first: that waits for the copies.
  Buffer order_staging_;
  Buffer flip_staging_;
  std::optional<Event> order_sent_;

  ConstTensorView images_;     // what feed() takes images from
  TensorView selected_order_;  // (selected) i64: where in images_
  TensorView selected_flips_;  // (selected) u8; empty: none
  Buffer order_buffer_;
  Buffer flip_buffer_;

  // Resident: the data set and the epoch's order where the step computes.
  Buffer image_buffer_;  // a GPU's; on the CPU the data set is used where it is
  TensorView order_;     // (M) i64
  TensorView flips_;     // (M) u8
  std::int64_t order_epoch_ = -1;

  // Streamed: images_ is what arrived for this step.
  std::optional<ImageUpload> upload_;
  std::int64_t sent_update_ = -1;  // what is under way
  std::vector<std::int64_t> sent_indices_;
  std::vector<std::uint8_t> sent_flips_;
};

}  // namespace dcgan

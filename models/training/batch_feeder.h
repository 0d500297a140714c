// Real images into a step: which images an update sees follows from the seed and the update's
// number alone, and the copy, mirroring and normalisation happen where the step computes.
#pragma once

#include <cstdint>
#include <vector>

#include "models/data/dataset.h"
#include "runtime/device/memory.h"

namespace dcgan {

struct FeederOptions {
  std::int64_t batch = 64;
  std::uint64_t seed = 0;
  bool flip = false;
  std::int64_t updates_per_step = 1;  ///< batches that one step takes: --d-steps
};

class BatchFeeder {
 public:
  /// Puts the images where `context` computes. Throws Error(config) with both counts when the data
  /// set is smaller than a batch. The data set must outlive the feeder.
  BatchFeeder(const Context& context, const Dataset& dataset, const FeederOptions& options);

  /// Whole batches in an epoch; what is left over is seen in other epochs.
  std::int64_t batches_per_epoch() const { return batches_per_epoch_; }

  /// Names the images of the next step: those of updates first_update .. + updates_per_step - 1,
  /// counted from 0 over the whole run. Their places go to memory that stays where it is, so that
  /// feed() can be part of a graph; this cannot.
  void select(const Context& context, std::int64_t first_update);

  /// Writes the images of the step's update `index` to `images` (N, H, W, C). Enqueued.
  void feed(const Context& context, std::int64_t index, TensorView images) const;

 private:
  void enter_epoch(const Context& context, std::int64_t epoch);

  const Dataset& dataset_;
  FeederOptions options_;
  std::int64_t batches_per_epoch_;
  std::int64_t epoch_ = -1;
  Buffer image_buffer_;  ///< the data set on a GPU; on the CPU it is used where it is
  Buffer order_buffer_;
  Buffer flip_buffer_;
  TensorView order_;           // (M) i64: the epoch's order
  TensorView flips_;           // (M) u8, in that order; empty: none
  TensorView selected_order_;  // (updates_per_step * N) i64
  TensorView selected_flips_;  // (updates_per_step * N) u8
  ConstTensorView images_;
};

}  // namespace dcgan

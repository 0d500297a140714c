// What a step takes from outside: real images, and latent vectors when the caller has its own.
#pragma once

#include <cstdint>

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// One of a step's discriminator updates.
struct StepUpdate {
  std::int64_t index = 0;  ///< in the step, from 0
  /// (1) i64 on the device: its number over the whole run, from 0. It changes from replay to replay
  /// of a graph, so that a source can look up on the device what it loads.
  ConstTensorView number;
};

/// Real images of an engine: a loader, or tensors that a caller hands over. An update is one
/// discriminator update; a step makes TrainingConfig::discriminator_steps of them.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  /// Makes the images of the step ready whose first update is `first_update`, counted from 0 over
  /// the whole run. Called before load(), outside the step's graph: it may wait, and what it
  /// enqueues on `context` comes before the step.
  virtual void select(const Context& context, std::int64_t first_update) = 0;

  /// Writes the images of one of the step's updates to `images` (N, H, W, C), f32 or bf16 in
  /// [-1, 1]. Enqueued, and part of the step's graph: it may neither wait nor allocate, and what it
  /// reads must lie where it lay in the first step.
  virtual void load(const Context& context, const StepUpdate& update, TensorView images) = 0;

  /// Writes the targets of the same images to `labels` (N) f32, likewise. Only called with
  /// RealLabels::per_image.
  virtual void load_labels(const Context& context, const StepUpdate& update, TensorView labels);

  /// May prepare the images of a later select(). Called when a step has been enqueued.
  virtual void prefetch(std::int64_t /*first_update*/) {}
};

/// Latent vectors of an engine, in place of its own random numbers.
class LatentSource {
 public:
  virtual ~LatentSource() = default;
  /// Writes the vectors of the step's update `index` to `z` (N, nz), f32 or bf16. As
  /// ImageSource::load().
  virtual void draw(const Context& context, std::int64_t index, TensorView z) = 0;
};

}  // namespace dcgan

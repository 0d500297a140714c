// Batches of images from host memory to a GPU while it computes: two staging buffers and a stream
// of their own, so that the next batch is prefetched during this step.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {

/// Which images of a data set make a batch, and which of them are mirrored.
struct ImageSelection {
  std::span<const std::int64_t> indices;  ///< each in [0, M)
  std::span<const std::uint8_t> flips;    ///< one an index, or empty: none is mirrored
};

class ImageUpload {
 public:
  /// For batches of shape (N, H, W, C), u8. `context` is where they are used. A GPU's only.
  ImageUpload(const Context& context, const Shape& batch);

  /// Copies the chosen of `images` (M, H, W, C), in host memory, to a staging buffer and starts the
  /// upload. Blocks for the copy, and for a staging buffer when two uploads are in progress. Both
  /// arguments may change on return. At most two batches may be sent and not yet received.
  void send(ConstTensorView images, const ImageSelection& selection);

  /// Puts the batch that was sent first where batch() and flips() say: memory that stays where it
  /// is, so that a graph can read it. Enqueued.
  void receive(const Context& context);

  TensorView batch() const { return in(received_buffer_.data(), batch_, 0); }  // u8
  TensorView flips() const { return in(received_buffer_.data(), {batch_[0]}, batch_.elements()); }
  std::int64_t under_way() const { return sent_ - received_; }

 private:
  struct Slot {
    Buffer staging;  ///< pinned: images, then flips
    Buffer arrived;  ///< the same on the GPU
    Event uploaded;  ///< staging may be written, arrived read
    Event received;  ///< arrived may be written
  };

  static TensorView in(std::byte* data, const Shape& shape, std::int64_t offset) {
    return {data + offset, shape, DType::u8};
  }
  TensorView whole(const Buffer& buffer) const {
    return in(buffer.data(), {static_cast<std::int64_t>(buffer.bytes())}, 0);
  }
  Slot& slot(std::int64_t number) { return slots_[static_cast<std::size_t>(number % 2)]; }

  Context copies_;  ///< the uploads' stream
  Shape batch_;
  std::array<Slot, 2> slots_;
  Buffer received_buffer_;
  std::int64_t sent_ = 0;
  std::int64_t received_ = 0;
};

}  // namespace dcgan

// Between images as people store them (uint8) and as networks see them ([-1, 1]).
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// out[n] = flip(images[indices[n]]) with u -> (u / 255 - 0.5) / 0.5 in f32, each operation
/// rounded, as torchvision's ToTensor and Normalize do. images: (M, H, W, C) u8. indices: (N) i64,
/// each in [0, M). flips: (N) u8, nonzero mirrors left and right; empty: none. out: (N, H, W, C),
/// f32 or bf16.
void gather_images(const Context& context, ConstTensorView images, ConstTensorView indices,
                   ConstTensorView flips, TensorView out);

/// Which images an update of a run sees, looked up on the device by the update's number u, so that
/// a graph that is replayed goes on through the data set. With e = u / B and b = u mod B, image n
/// of the batch is entry order[e mod E][b * stride + first + n].
struct ImageSchedule {
  ConstTensorView order;               ///< (E, M) i64: image_entry()s of up to E epochs
  ConstTensorView number;              ///< (1) i64 on the device: u
  std::int64_t updates_per_epoch = 0;  ///< B
  std::int64_t stride = 0;             ///< images of an update, over all ranks
  std::int64_t first = 0;              ///< this rank's first of them
};
/// An image of the data set and whether it is mirrored, as one number.
constexpr std::int64_t image_entry(std::int64_t index, bool flip) { return 2 * index + flip; }

/// gather_images with the indices and flips of a schedule.
void gather_scheduled_images(const Context& context, ConstTensorView images,
                             const ImageSchedule& schedule, TensorView out);

/// y = round_half_up(clamp((x + 1) / 2, 0, 1) * 255), as torchvision's save_image; NaN gives 0.
/// x: f32 or bf16; y: u8; equal shapes.
void images_to_uint8(const Context& context, ConstTensorView x, TensorView y);

}  // namespace dcgan

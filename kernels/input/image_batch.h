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

/// y = round_half_up(clamp((x + 1) / 2, 0, 1) * 255), as torchvision's save_image; NaN gives 0.
/// x: f32 or bf16; y: u8; equal shapes.
void images_to_uint8(const Context& context, ConstTensorView x, TensorView y);

}  // namespace dcgan

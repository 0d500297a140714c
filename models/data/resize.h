// torchvision's Resize(size) and CenterCrop(size) on 8-bit images, bit for bit as Pillow computes
// them: antialiased bilinear resampling in fixed point.
#pragma once

#include <cstdint>

#include "runtime/io/image.h"

namespace dcgan {

/// Resamples to width * height with a triangle filter whose support grows with the reduction: rows
/// first, rounded to 8 bits, then columns, as Pillow's Image.resize(BILINEAR). Channels are
/// independent (alpha is not weighted). Throws Error(internal) when a size is below 1.
Image resize_bilinear(const Image& image, int width, int height);

/// Resize(size) then CenterCrop(size): the shorter side becomes `size`, the longer one
/// floor(size * longer / shorter), and the middle is kept. Writes (size, size, image.channels).
/// Only the kept part is computed, so that a very long image costs no more memory than its own.
void resize_and_crop(const Image& image, int size, std::uint8_t* pixels);

}  // namespace dcgan

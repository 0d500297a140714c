// torchvision's Resize(size) and CenterCrop(size) on 8-bit images, bit for bit as Pillow computes
// them: antialiased bilinear resampling in fixed point. Pillow up to 12 is meant, rows before
// columns; Pillow 13 takes the columns of some tall images first, which moves single values by one.
#pragma once

#include <cstdint>

#include "runtime/io/image/image.h"

namespace dcgan {

/// Resamples to width * height with a triangle filter whose support grows with the reduction: rows
/// first, rounded to 8 bits, then columns, as Pillow's Image.resize(BILINEAR). Channels are
/// independent (alpha is not weighted). Throws Error(internal) when a size is below 1.
Image resize_bilinear(const Image& image, int width, int height);

/// Resize(size) then CenterCrop(size): the shorter side becomes `size`, the longer one
/// floor(size * longer / shorter), and the middle is kept. Writes (size, size, image.channels).
/// Only the kept part is computed: a very long image needs little memory beyond its own.
void resize_and_crop(const Image& image, int size, std::uint8_t* pixels);

}  // namespace dcgan

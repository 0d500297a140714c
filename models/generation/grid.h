// Grids: many images in one.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/io/image/image.h"

namespace dcgan {

/// images: (N, H, W, C) u8 on the host, C = 1 or 3. As torchvision's make_grid: `columns` per row
/// (0: about a square), `padding` black pixels around each.
Image make_grid(ConstTensorView images, int columns = 0, int padding = 2);

}  // namespace dcgan

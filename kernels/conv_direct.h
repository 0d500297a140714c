// Convolutions on the GPU that are not worth a library's plan: image sides and the last dot
// product. cuda::plan_convolution asks these first. Each returns null when the shape is not its
// own.
#pragma once

#include <memory>

#include "kernels/conv.h"

namespace dcgan::cuda {

/// Layers with an image of 1 to 4 channels as input (down) or output (up); kernel up to 4, stride 1
/// or 2. Any activation. Deterministic.
std::unique_ptr<ConvPlan> plan_direct_convolution(const Context& context, const ConvConfig& config);

/// The discriminator's last layer: down to one channel with a kernel as large as the input and no
/// padding, so that an image gives one number. Any activation. Deterministic.
std::unique_ptr<ConvPlan> plan_head(const Context& context, const ConvConfig& config);

}  // namespace dcgan::cuda

// The CUDA convolutions, by shape: cuda::plan_convolution (conv_cuda.cpp) takes the first that
// fits. Each factory takes a checked config, and its plan applies the config's activation.
#pragma once

#include <memory>

#include "kernels/conv/conv.h"

namespace dcgan::cuda {

/// `up` from a 1x1 image without stride or padding (a generator's stem): a matrix product,
/// (N, in) x (in, kernel * kernel * out). cuBLASLt; a reference loop in emulated builds.
std::unique_ptr<ConvPlan> plan_dense_convolution(const Context& context, const ConvConfig& config);

/// One side is an image of 1 to 4 channels. Hand-written kernels.
std::unique_ptr<ConvPlan> plan_direct_convolution(const Context& context, const ConvConfig& config);

/// `down` of the whole image to one number (a discriminator's head). Hand-written kernels.
std::unique_ptr<ConvPlan> plan_head(const Context& context, const ConvConfig& config);

/// Everything else. cuDNN; a reference loop in emulated builds.
std::unique_ptr<ConvPlan> plan_library_convolution(const Context& context,
                                                   const ConvConfig& config);

bool is_dense(const ConvConfig& config);
bool is_head(const ConvConfig& config);
bool is_direct(const ConvConfig& config);

}  // namespace dcgan::cuda

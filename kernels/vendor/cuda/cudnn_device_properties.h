// The GPU that cuDNN is asked about: a real one, or one described by its properties, so that
// support can be checked on machines without a GPU. Included by .cpp files only.
#pragma once

#include "kernels/vendor/cuda/cudnn_descriptor.h"

namespace dcgan::cuda {

/// Which GPU a plan is for: that of a handle, or one described (no GPU needed).
struct Target {
  cudnnHandle_t handle = nullptr;
  const Descriptor* described = nullptr;
};

/// A device-properties descriptor of a data-centre GPU: major.minor of 8.0, 9.0 or 10.0.
Descriptor describe_gpu(int major, int minor);

}  // namespace dcgan::cuda

// Which GPU the calling thread's CUDA calls mean.
#pragma once

#include <cuda_runtime_api.h>

#include "runtime/device/cuda_check.h"

namespace dcgan::cuda {

/// Makes a GPU current for a scope; the caller's choice comes back after.
class CurrentDevice {
 public:
  explicit CurrentDevice(int ordinal) {
    CUDA_TRY(cudaGetDevice(&before_));
    if (before_ != ordinal) CUDA_TRY(cudaSetDevice(ordinal));
  }
  ~CurrentDevice() { cudaSetDevice(before_); }
  CurrentDevice(const CurrentDevice&) = delete;  // one scope, one change
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
};

}  // namespace dcgan::cuda

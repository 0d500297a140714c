// CUDA_TRY: every call of the CUDA runtime goes through it. Included by .cpp and .cu files only.
#pragma once

#include <cuda_runtime_api.h>

#include "runtime/base/errors.h"

namespace dcgan::cuda {

/// What a caller can act on: memory, drivers and broken hardware are `unavailable`; the rest is a
/// bug of ours (`internal`).
inline ErrorKind kind_of(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorDeviceUninitialized:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorSystemNotReady:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice:
    case cudaErrorECCUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorNvlinkUncorrectable:
      return ErrorKind::unavailable;
    default:
      return ErrorKind::internal;
  }
}

[[noreturn]] inline void fail_call(cudaError_t status, const char* call, const char* file,
                                   int line) {
  cudaGetLastError();  // clears what is not sticky: the next call must not report this one
  fail(kind_of(status), "CUDA: {} ({}) from {} at {}:{}", cudaGetErrorString(status),
       cudaGetErrorName(status), call, file, line);
}

}  // namespace dcgan::cuda

/// Throws Error with CUDA's name and text of the status, the call, file and line, unless it
/// succeeds.
#define CUDA_TRY(call)                                                      \
  do {                                                                      \
    const cudaError_t cuda_try_status = (call);                             \
    if (cuda_try_status != cudaSuccess) [[unlikely]]                        \
      ::dcgan::cuda::fail_call(cuda_try_status, #call, __FILE__, __LINE__); \
  } while (false)

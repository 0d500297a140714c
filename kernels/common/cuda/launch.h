// What every .cu file includes: launches, shared memory, and the switch between nvcc and the
// kernels' emulator (tests/emulator), which compiles the same sources for the CPU.
//
// Rules that keep one source good for both: kernels are started by launch() only; a kernel calls
// start_after_previous() before it touches memory; shared memory is declared by DCGAN_SHARED or
// taken from dynamic_shared(); no return before a barrier; blocks are whole warps where lanes talk
// to each other.
#pragma once

#if !defined(__CUDACC__)

#include <cuda_emulator.h>

#else

#include <cuda_runtime.h>

#include <cstddef>

#include "runtime/base/errors.h"
#include "runtime/device/context.h"
#include "runtime/device/cuda/check.h"

// Array in shared memory: DCGAN_SHARED(float, tile, [32][33]). 16-byte accesses to it are allowed.
#define DCGAN_SHARED(type, name, extents) __shared__ __align__(16) type name extents

namespace dcgan::cuda {

/// The block's dynamic shared memory, as many bytes as the launch said, aligned to 1024.
template <class T>
__device__ inline T* dynamic_shared() {
  extern __shared__ __align__(1024) uint4 dcgan_dynamic_shared[];
  return reinterpret_cast<T*>(dcgan_dynamic_shared);
}

/// Every thread calls this once, before its first access to memory: the blocks of a kernel may be
/// started before the work before it on the stream has ended. Returns when that has ended and what
/// it has written is there; then the next kernel's blocks may be started.
__device__ __forceinline__ void start_after_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" :::);
#endif
}

/// Nanoseconds of a clock that all streams of the GPU share; it ticks about once a microsecond.
__device__ inline long long device_nanoseconds() {
  long long now = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  return now;
}

/// Does nothing here; the emulator checks that the address is a multiple of `bytes`.
__device__ inline void check_access(const void*, std::size_t) {}

struct LaunchShape {
  const char* kernel;  ///< its name, for errors
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes =
      0;  ///< dynamic shared memory of a block; sm_80 has 163 KiB at most, sm_90 227
};

/// What every kernel may have without asking are 48 KiB, together with its static shared memory.
inline constexpr std::size_t kUnaskedSharedBytes = 32 * 1024;

/// Enqueues kernel(arguments...) on the context's stream, whose GPU must be current. Throws, naming
/// the kernel and the shape, when the launch is refused.
template <class... Parameters, class... Arguments>
void launch(const Context& context, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.blocks;
  config.blockDim = shape.threads;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = context.stream();
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &overlap;
  config.numAttrs = context.overlaps_launches() ? 1 : 0;
  cudaError_t status = cudaSuccess;
  if (shape.shared_bytes > kUnaskedSharedBytes) {
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shape.shared_bytes));
  }
  if (status == cudaSuccess) {
    status = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  }
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clears what is not sticky
  fail(kind_of(status),
       "CUDA: {} ({}) from launching {}: {} x {} x {} blocks of {} x {} threads, {} bytes",
       cudaGetErrorString(status), cudaGetErrorName(status), shape.kernel, shape.blocks.x,
       shape.blocks.y, shape.blocks.z, shape.threads.x, shape.threads.y, shape.shared_bytes);
}

}  // namespace dcgan::cuda

#endif

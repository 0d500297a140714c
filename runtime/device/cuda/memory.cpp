// Streams, memory, copies.
#include "runtime/device/cuda/runtime.h"

#include <cuda_runtime_api.h>

#include "runtime/device/cuda/check.h"

namespace dcgan::cuda {
namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

[[noreturn]] void fail_allocation(Device device, std::size_t bytes, MemoryKind kind) {
  cudaGetLastError();  // not sticky: the process goes on
  if (kind == MemoryKind::pinned) {
    fail(ErrorKind::unavailable, "memory: the host refused to pin {} bytes ({:.1f} MiB) for {}",
         bytes, mebibytes(bytes), to_string(device));
  }
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  CUDA_TRY(cudaMemGetInfo(&free_bytes, &total_bytes));
  fail(ErrorKind::unavailable,
       "memory: {} has no room for {} bytes: need {:.1f} MiB, free {:.1f} of {:.1f} MiB",
       to_string(device), bytes, mebibytes(bytes), mebibytes(free_bytes), mebibytes(total_bytes));
}

cudaMemcpyKind vendor_kind(CopyKind kind) {
  switch (kind) {
    case CopyKind::device_to_device:
      return cudaMemcpyDeviceToDevice;
    case CopyKind::host_to_device:
      return cudaMemcpyHostToDevice;
    case CopyKind::device_to_host:
      return cudaMemcpyDeviceToHost;
  }
  fail(ErrorKind::internal, "copy: unknown kind {}", static_cast<int>(kind));
}

}  // namespace

CurrentDevice::CurrentDevice(int ordinal) {
  CUDA_TRY(cudaGetDevice(&before_));
  if (before_ != ordinal) CUDA_TRY(cudaSetDevice(ordinal));
}
CurrentDevice::~CurrentDevice() { cudaSetDevice(before_); }

CUstream_st* create_stream(int ordinal) {
  CUDA_TRY(cudaSetDevice(ordinal));
  cudaStream_t stream = nullptr;
  // Non-blocking: never ordered by what the host program does on the default stream.
  CUDA_TRY(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void destroy_stream(CUstream_st* stream) noexcept { cudaStreamDestroy(stream); }

void synchronize_stream(CUstream_st* stream) { CUDA_TRY(cudaStreamSynchronize(stream)); }

void* allocate(Device device, std::size_t bytes, MemoryKind kind) {
  const CurrentDevice current(device.ordinal);
  void* data = nullptr;
  const cudaError_t status = kind == MemoryKind::pinned
                                 ? cudaHostAlloc(&data, bytes, cudaHostAllocDefault)
                                 : cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) fail_allocation(device, bytes, kind);
  if (status != cudaSuccess) {
    fail_call(status, kind == MemoryKind::pinned ? "cudaHostAlloc" : "cudaMalloc", __FILE__,
              __LINE__);
  }
  return data;
}

void release(Device, void* data, MemoryKind kind) noexcept {
  // Pointers name their GPU, and a destructor cannot report: a sticky error shows at the next call.
  if (kind == MemoryKind::pinned) {
    cudaFreeHost(data);
  } else {
    cudaFree(data);
  }
}

void copy_bytes(CUstream_st* stream, const void* from, void* to, std::size_t bytes, CopyKind kind) {
  CUDA_TRY(cudaMemcpyAsync(to, from, bytes, vendor_kind(kind), stream));
}

void zero_bytes(CUstream_st* stream, void* to, std::size_t bytes) {
  CUDA_TRY(cudaMemsetAsync(to, 0, bytes, stream));
}

}  // namespace dcgan::cuda

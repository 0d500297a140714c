// Streams, memory, copies.
#include "runtime/device/cuda/runtime.h"

#include <cuda_runtime_api.h>

#include "runtime/device/cuda/check.h"

namespace dcgan::cuda {
namespace {

// The memory, or null when it ran out.
void* allocated(cudaError_t status, void* data, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return data;
  if (status != cudaErrorMemoryAllocation) fail_call(status, call, file, line);
  cudaGetLastError();  // not sticky: the next call must not report it
  return nullptr;
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
  changed_ = before_ != ordinal;
  if (changed_) CUDA_TRY(cudaSetDevice(ordinal));
}
CurrentDevice::~CurrentDevice() {
  if (changed_) cudaSetDevice(before_);
}

int current_device() {
  int ordinal = 0;
  CUDA_TRY(cudaGetDevice(&ordinal));
  return ordinal;
}
void set_current_device(int ordinal) { CUDA_TRY(cudaSetDevice(ordinal)); }
void restore_device(int ordinal) noexcept { cudaSetDevice(ordinal); }

CUstream_st* create_stream(int ordinal) {
  CUDA_TRY(cudaSetDevice(ordinal));
  cudaStream_t stream = nullptr;
  // Non-blocking: never ordered by what the host program does on the default stream.
  CUDA_TRY(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void destroy_stream(CUstream_st* stream) noexcept { cudaStreamDestroy(stream); }

void synchronize_stream(CUstream_st* stream) { CUDA_TRY(cudaStreamSynchronize(stream)); }

MemoryInfo memory_info(int ordinal) {
  const CurrentDevice current(ordinal);
  MemoryInfo info;
  CUDA_TRY(cudaMemGetInfo(&info.free_bytes, &info.total_bytes));
  return info;
}

void* allocate_device(int ordinal, std::size_t bytes) {
  const CurrentDevice current(ordinal);
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  return allocated(status, data, "cudaMalloc", __FILE__, __LINE__);
}

void* allocate_pinned(int ordinal, std::size_t bytes) {
  const CurrentDevice current(ordinal);
  void* data = nullptr;
  const cudaError_t status = cudaHostAlloc(&data, bytes, cudaHostAllocDefault);
  return allocated(status, data, "cudaHostAlloc", __FILE__, __LINE__);
}

// A pointer identifies its GPU. These cannot report: a sticky error is returned by the next call.
void release_device(void* data) noexcept { cudaFree(data); }
void release_pinned(void* data) noexcept { cudaFreeHost(data); }

void copy_bytes(CUstream_st* stream, const void* from, void* to, std::size_t bytes, CopyKind kind) {
  CUDA_TRY(cudaMemcpyAsync(to, from, bytes, vendor_kind(kind), stream));
}

void zero_bytes(CUstream_st* stream, void* to, std::size_t bytes) {
  CUDA_TRY(cudaMemsetAsync(to, 0, bytes, stream));
}

}  // namespace dcgan::cuda

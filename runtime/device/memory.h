// Memory of a device: one owner (Buffer), and copies ordered on a context's stream.
#pragma once

#include <cstddef>

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

enum class MemoryKind {
  device,  ///< where kernels compute
  pinned,  ///< host memory that the device copies from and to asynchronously
};

/// Owns `bytes` of memory, aligned to 256 bytes. Throws Error(unavailable) with need and free when
/// there is not enough. Contents start undefined.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Context& context, std::size_t bytes, MemoryKind kind = MemoryKind::device);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void release() noexcept;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_;
  MemoryKind kind_ = MemoryKind::device;
};

/// Bytes that can still be had on the context's device: the GPU's, or the host's physical memory.
std::size_t free_bytes(const Context& context);

/// Device to device, equal types and element counts. Enqueued.
void copy(const Context& context, ConstTensorView from, TensorView to);
/// Host to device. Waits: `from` may be written to on return.
void upload(const Context& context, ConstTensorView from, TensorView to);
/// Pinned host memory to device. Enqueued: `from` is read when the copy runs, so record an Event
/// behind it and wait for that before writing there again. (CUDA promises no more of pageable
/// memory, although most machines stage it.)
void enqueue_upload(const Context& context, ConstTensorView from, TensorView to);
/// Device to host. Waits: the values are there on return.
void download(const Context& context, ConstTensorView from, TensorView to);
/// Device to pinned host memory. Enqueued: the values are there when an Event recorded behind it is
/// done.
void enqueue_download(const Context& context, ConstTensorView from, TensorView to);
/// Sets every byte to zero. Enqueued.
void fill_zero(const Context& context, TensorView to);

}  // namespace dcgan

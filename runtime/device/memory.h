// Buffers, which own memory of a device, and copies enqueued on a context's stream.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"
#include "runtime/device/memory_resource.h"

namespace dcgan {

/// Owns `bytes` of memory, aligned to kMemoryAlignment. Contents start undefined. Throws what the
/// resource throws: Error(unavailable) with need and free when there is not enough memory. An empty
/// buffer allocates nothing.
///
/// Pinned memory must not be in use by enqueued copies when its buffer is destroyed; the memory
/// resource waits for work that uses device memory.
class Buffer {
 public:
  Buffer() = default;
  /// From the context's resource of this kind.
  Buffer(const Context& context, std::size_t bytes, MemoryKind kind = MemoryKind::device);
  /// From the caller's resource. Throws Error(internal) if its memory is null or not aligned.
  Buffer(std::shared_ptr<MemoryResource> resource, std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void release() noexcept;
  std::shared_ptr<MemoryResource> resource_;  // null: default constructed or moved from
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Bytes that the context's device memory resource can still allocate. Where it cannot tell: bytes
/// free on the device (CPU: free physical memory).
std::size_t free_bytes(const Context& context);

/// Device to device, equal types and element counts. Enqueued.
void copy(const Context& context, ConstTensorView from, TensorView to);
/// Host to device. Waits: `from` may be changed after the return.
void upload(const Context& context, ConstTensorView from, TensorView to);
/// Pinned host memory to device. Enqueued: `from` is read when the copy runs, so record an Event
/// after this call and wait for it before changing `from`. (CUDA promises no more for pageable
/// memory, although most drivers copy it to a staging buffer first.)
void enqueue_upload(const Context& context, ConstTensorView from, TensorView to);
/// Device to host. Waits: `to` holds the values on return.
void download(const Context& context, ConstTensorView from, TensorView to);
/// Device to pinned host memory. Enqueued: `to` holds the values when an Event recorded after this
/// call is done.
void enqueue_download(const Context& context, ConstTensorView from, TensorView to);
/// Sets every byte to zero. Enqueued.
void fill_zero(const Context& context, TensorView to);

}  // namespace dcgan

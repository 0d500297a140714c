// Where buffers get their memory: the host's, a GPU's, pinned host memory, or the memory pool of a
// program that embeds the engine.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "runtime/device/device.h"

namespace dcgan {

enum class MemoryKind {
  device,  ///< where operations compute
  pinned,  ///< host memory that a GPU copies from and to asynchronously
};

/// Allocates and releases memory of one kind on one device. Buffers share ownership of the resource
/// that they came from, so it lives at least as long as the last of them.
///
/// Threads: a resource is called by the threads that use the contexts and buffers it was given to.
/// One that serves several threads must be safe to call from all of them at once; those of
/// default_memory() are.
class MemoryResource {
 public:
  MemoryResource() = default;
  virtual ~MemoryResource() = default;
  MemoryResource(const MemoryResource&) = delete;  // buffers refer to this object
  MemoryResource& operator=(const MemoryResource&) = delete;

  /// Returns `bytes` > 0 of memory, aligned to kMemoryAlignment, contents undefined; never null. It
  /// may be used on every stream of the device as soon as the call returns. Throws
  /// Error(unavailable) with the bytes needed and free when there is not enough. Never called while
  /// a stream of the calling thread is being captured into a graph.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  /// Takes back what allocate(bytes) returned. Device memory may still be in use by work that was
  /// enqueued before the call, on any stream of the device: the resource waits for that work, as
  /// cudaFree does, or gives the memory out again only for work ordered behind it. Pinned memory is
  /// no longer in use. Never throws: what goes wrong is reported by the next call that can.
  virtual void release(std::byte* data, std::size_t bytes) noexcept = 0;
  /// Bytes that allocate() can still return in all, or nothing where the resource cannot tell.
  virtual std::optional<std::size_t> free_bytes() const { return std::nullopt; }
};

/// The resources of a context, by kind of memory.
struct MemoryResources {
  std::shared_ptr<MemoryResource> device;
  std::shared_ptr<MemoryResource> pinned;
};

/// The device's own memory. CPU: the C library's allocator for both kinds. GPU: cudaMalloc and
/// cudaHostAlloc. Both report free_bytes(). Throws Error(unavailable) for a GPU in a build without
/// the CUDA engine.
MemoryResources default_memory(Device device);

}  // namespace dcgan

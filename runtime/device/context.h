// A context: a device, on a GPU one of its streams, and the memory resources of its buffers. It is
// the first argument of every operation. On the CPU an operation has finished when it returns; on a
// GPU it has been enqueued on the stream.
#pragma once

#include <memory>

#include "runtime/device/device.h"
#include "runtime/device/memory_resource.h"

struct CUstream_st;  // cudaStream_t is a pointer to it; this header needs no CUDA header

namespace dcgan {

class Context {
 public:
  /// On a GPU: creates a stream of its own. `memory` is the caller's; a null resource in it stands
  /// for the device's own (default_memory). On the CPU pinned memory is ordinary memory: without a
  /// pinned resource it comes from the device resource. Throws Error(unavailable), naming what is
  /// missing, when the device cannot be used.
  explicit Context(Device device, MemoryResources memory = {});
  /// Enqueues on the caller's stream of a GPU, which must outlive the context.
  Context(Device device, CUstream_st* stream, MemoryResources memory = {});
  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  Device device() const { return device_; }
  bool is_cuda() const { return device_.type == DeviceType::cuda; }
  CUstream_st* stream() const;  ///< null on the CPU
  /// Whether kernels of the project are launched so that their blocks may start before the work
  /// before them has ended (programmatic dependent launch); they then wait inside. Possible on GPUs
  /// of compute capability 9.0 or newer, and on by default there.
  bool overlaps_launches() const { return overlaps_launches_; }
  void set_overlaps_launches(bool wanted);

  /// Where buffers of this kind are allocated. Not null.
  const std::shared_ptr<MemoryResource>& memory(MemoryKind kind) const {
    return kind == MemoryKind::device ? memory_.device : memory_.pinned;
  }

  /// Whether the stream records what is enqueued into somebody's graph. False on the CPU.
  bool is_capturing() const;

  /// Waits until everything enqueued has finished. Throws Error when work failed on the device.
  void synchronize() const;

 private:
  struct Stream;
  Device device_;
  MemoryResources memory_;
  std::unique_ptr<Stream> stream_;
  bool overlaps_launches_ = false;
};

}  // namespace dcgan

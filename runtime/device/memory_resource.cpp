#include "runtime/device/memory_resource.h"

#include <unistd.h>

#include <cstdlib>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/base/mebibytes.h"
#include "runtime/device/alignment.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {
namespace {

std::size_t free_on_host() {
  return static_cast<std::size_t>(::sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

class HostMemory final : public MemoryResource {
 public:
  std::byte* allocate(std::size_t bytes) override {
    // Less than `bytes` when rounding up wraps: such a size cannot be had either.
    const std::size_t rounded =
        (bytes + kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
    void* data = rounded < bytes ? nullptr : std::aligned_alloc(kMemoryAlignment, rounded);
    if (data == nullptr) {
      fail(ErrorKind::unavailable,
           "memory: the host refused {} bytes ({:.1f} MiB; {:.1f} MiB are free)", bytes,
           mebibytes(bytes), mebibytes(free_on_host()));
    }
    return static_cast<std::byte*>(data);
  }
  void release(std::byte* data, std::size_t) noexcept override { std::free(data); }
  std::optional<std::size_t> free_bytes() const override { return free_on_host(); }
};

class CudaMemory final : public MemoryResource {
 public:
  explicit CudaMemory(Device device) : device_(device) {}

  std::byte* allocate(std::size_t bytes) override {
    if (void* data = cuda::allocate_device(device_.ordinal, bytes)) {
      return static_cast<std::byte*>(data);
    }
    const cuda::MemoryInfo memory = cuda::memory_info(device_.ordinal);
    fail(ErrorKind::unavailable,
         "memory: {} has no room for {} bytes: need {:.1f} MiB, free {:.1f} of {:.1f} MiB",
         to_string(device_), bytes, mebibytes(bytes), mebibytes(memory.free_bytes),
         mebibytes(memory.total_bytes));
  }
  void release(std::byte* data, std::size_t) noexcept override { cuda::release_device(data); }
  std::optional<std::size_t> free_bytes() const override {
    return cuda::memory_info(device_.ordinal).free_bytes;
  }

 private:
  Device device_;
};

class PinnedMemory final : public MemoryResource {
 public:
  explicit PinnedMemory(Device device) : device_(device) {}

  std::byte* allocate(std::size_t bytes) override {
    if (void* data = cuda::allocate_pinned(device_.ordinal, bytes)) {
      return static_cast<std::byte*>(data);
    }
    fail(ErrorKind::unavailable,
         "memory: the host refused to pin {} bytes ({:.1f} MiB; {:.1f} MiB are free) for {}", bytes,
         mebibytes(bytes), mebibytes(free_on_host()), to_string(device_));
  }
  void release(std::byte* data, std::size_t) noexcept override { cuda::release_pinned(data); }
  std::optional<std::size_t> free_bytes() const override { return free_on_host(); }

 private:
  Device device_;
};

}  // namespace

MemoryResources default_memory(Device device) {
  if (device.type == DeviceType::cpu) {
    const auto host = std::make_shared<HostMemory>();
    return {host, host};
  }
  if constexpr (kHasCuda) {
    return {std::make_shared<CudaMemory>(device), std::make_shared<PinnedMemory>(device)};
  }
  fail(ErrorKind::unavailable,
       "device {}: this build has no CUDA engine (configure with the CUDA toolkit and cuDNN "
       "present)",
       to_string(device));
}

}  // namespace dcgan

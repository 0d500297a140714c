// Device and pinned memory: filled with 0xff (NaN in every float type) when allocated and when
// released, limited, counted. Copies and memsets, which access memory when they run.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/emulator/runtime/state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace dcgan::emulator {
namespace {

constexpr std::size_t kAlignment = 256;  // as cudaMalloc's

std::uintptr_t address_of(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

std::size_t bytes_in_use(const Simulation& device, int ordinal) {
  std::size_t sum = 0;
  for (const auto& [address, allocation] : device.allocations) {
    if (allocation.place == Place::device && allocation.device == ordinal) sum += allocation.bytes;
  }
  return sum;
}

cudaError_t allocate(Simulation& device, void** data, std::size_t bytes, Place place) {
  if (data == nullptr) return explain(cudaErrorInvalidValue, "no place for the pointer");
  *data = nullptr;
  if (const cudaError_t status = refuse_during_capture("an allocation"); status != cudaSuccess) {
    return status;
  }
  if (fault_due(Fault::allocation)) return explain(cudaErrorMemoryAllocation, "injected");
  if (bytes == 0) return cudaSuccess;
  if (place == Place::device &&
      bytes > memory_of_device(device) - bytes_in_use(device, this_thread().device)) {
    return explain(cudaErrorMemoryAllocation, std::to_string(bytes) + " bytes asked for");
  }
  // Exactly `bytes`, so that AddressSanitizer finds an access one byte beyond.
  if (posix_memalign(data, kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(*data, 0xff, bytes);
  device.allocations[address_of(*data)] = {bytes, place, this_thread().device,
                                           ++device.allocations_made};
  if (place == Place::device) close_device_memory();
  return cudaSuccess;
}

cudaError_t release(Simulation& device, void* data, Place place) {
  if (data == nullptr) return cudaSuccess;
  const auto found = device.allocations.find(address_of(data));
  if (found == device.allocations.end() || found->second.place != place) {
    return explain(cudaErrorInvalidValue, "freed what was not allocated so, or twice");
  }
  if (const cudaError_t status = refuse_during_capture("a free"); status != cudaSuccess) {
    return status;
  }
  // cudaFree waits for the device; cudaFreeHost is not documented to.
  if (place == Place::device) run_all(found->second.device);
  open_device_memory();
  std::memset(data, 0xff, found->second.bytes);
  device.allocations.erase(found);
  close_device_memory();
  std::free(data);
  return cudaSuccess;
}

// One side of a copy. `what` is for messages.
struct Side {
  const void* data;
  bool on_device;
  const char* what;
};

cudaError_t check_side(const Side& side, std::size_t bytes) {
  if (side.data == nullptr) {
    return explain(cudaErrorInvalidValue, std::string(side.what) + " is null");
  }
  const Allocation* allocation = find_allocation(side.data, bytes);
  const bool on_device = allocation != nullptr && allocation->place == Place::device;
  if (on_device == side.on_device) return cudaSuccess;
  return explain(cudaErrorInvalidValue, std::string(side.what) + ": " + std::to_string(bytes) +
                                            " bytes there do not lie in " +
                                            (side.on_device ? "device" : "host") + " memory");
}

// At the time it runs: memory may have been freed since.
void require_alive(const void* data, std::size_t bytes, const char* what) {
  if (find_allocation(data, bytes) == nullptr) {
    throw DeviceFault(cudaErrorIllegalAddress, std::string(what) + " was freed before this ran");
  }
}

bool is_pinned(const void* data, std::size_t bytes) {
  const Allocation* allocation = find_allocation(data, bytes);
  return allocation != nullptr && allocation->place == Place::pinned;
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t stream) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (!to_device && !from_device)
    return explain(cudaErrorInvalidValue, "a kind of copy not in use");
  if (bytes == 0) return cudaSuccess;
  for (const Side& side : {Side{to, to_device, "target"}, Side{from, from_device, "source"}}) {
    if (const cudaError_t status = check_side(side, bytes); status != cudaSuccess) return status;
  }
  if (fault_due(Fault::copy)) return explain(cudaErrorInvalidValue, "injected");
  const bool capturing = stream != nullptr && is_live(stream) && stream->capture != nullptr;
  const bool check_to = to_device || is_pinned(to, bytes);
  const bool check_from = from_device || is_pinned(from, bytes);
  const cudaError_t status = submit(stream, "copy", [=] {
    if (check_to) require_alive(to, bytes, "target");
    if (check_from) require_alive(from, bytes, "source");
    std::memmove(to, from, bytes);  // reads pageable memory now, too: CUDA promises no staging
  });
  // Into pageable memory: CUDA returns when the copy has finished.
  if (status == cudaSuccess && !check_to && !capturing) {
    run_until(stream != nullptr ? stream->last : simulation().legacy_last);
  }
  return status;
}

}  // namespace

const Allocation* find_allocation(const void* data, std::size_t bytes) {
  const auto& allocations = simulation().allocations;
  auto after = allocations.upper_bound(address_of(data));
  if (after == allocations.begin()) return nullptr;
  const auto& [address, allocation] = *--after;
  const std::size_t offset = address_of(data) - address;
  const bool inside = offset <= allocation.bytes && bytes <= allocation.bytes - offset;
  return inside ? &allocation : nullptr;
}

#if defined(__SANITIZE_ADDRESS__)
void open_device_memory() {
  for (const auto& [address, allocation] : simulation().allocations) {
    if (allocation.place != Place::device) continue;
    __asan_unpoison_memory_region(reinterpret_cast<void*>(address), allocation.bytes);
  }
}
void close_device_memory() {
  for (const auto& [address, allocation] : simulation().allocations) {
    if (allocation.place != Place::device) continue;
    __asan_poison_memory_region(reinterpret_cast<void*>(address), allocation.bytes);
  }
}
#else
void open_device_memory() {}
void close_device_memory() {}
#endif

}  // namespace dcgan::emulator

using namespace dcgan::emulator;

extern "C" {

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  return api_call("cudaMalloc",
                  [&](Simulation& device) { return allocate(device, data, bytes, Place::device); });
}

cudaError_t cudaFree(void* data) {
  return api_call("cudaFree",
                  [&](Simulation& device) { return release(device, data, Place::device); });
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  return api_call("cudaHostAlloc",
                  [&](Simulation& device) { return allocate(device, data, bytes, Place::pinned); });
}

cudaError_t cudaFreeHost(void* data) {
  return api_call("cudaFreeHost",
                  [&](Simulation& device) { return release(device, data, Place::pinned); });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return api_call("cudaMemGetInfo", [&](Simulation& device) {
    *total_bytes = memory_of_device(device);
    *free_bytes = memory_of_device(device) - bytes_in_use(device, this_thread().device);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return api_call("cudaMemcpyAsync",
                  [&](Simulation&) { return copy(to, from, bytes, kind, stream); });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return api_call("cudaMemsetAsync", [&](Simulation&) -> cudaError_t {
    if (bytes == 0) return cudaSuccess;
    if (const cudaError_t status = check_side({to, true, "target"}, bytes); status != cudaSuccess) {
      return status;
    }
    if (fault_due(Fault::copy)) return explain(cudaErrorInvalidValue, "injected");
    return submit(stream, "memset", [=] {
      require_alive(to, bytes, "target");
      std::memset(to, value, bytes);
    });
  });
}

}  // extern "C"

#include "runtime/device/context.h"

#include <utility>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

struct Context::Stream {
  CUstream_st* handle = nullptr;
  bool owned = false;
  ~Stream() {
    if constexpr (kHasCuda) {
      if (owned) cuda::destroy_stream(handle);
    }
  }
};

namespace {

// The caller's resources, and the device's own in place of those that are null.
MemoryResources completed(Device device, MemoryResources given) {
  MemoryResources own = default_memory(device);
  if (device.type == DeviceType::cpu && given.device && !given.pinned) given.pinned = given.device;
  if (!given.device) given.device = std::move(own.device);
  if (!given.pinned) given.pinned = std::move(own.pinned);
  return given;
}

}  // namespace

Context::Context(Device device, MemoryResources memory)
    : device_(device), memory_(completed(device, std::move(memory))) {
  if constexpr (kHasCuda) {
    if (!is_cuda()) return;
    cuda::require_device(device.ordinal);
    stream_ = std::make_unique<Stream>();
    stream_->handle = cuda::create_stream(device.ordinal);
    stream_->owned = true;
  }
  set_overlaps_launches(true);
}

Context::Context(Device device, CUstream_st* stream, MemoryResources memory)
    : device_(device), memory_(completed(device, std::move(memory))) {
  DCGAN_CHECK(device.type == DeviceType::cuda, "context: a stream belongs to a CUDA device");
  stream_ = std::make_unique<Stream>();
  stream_->handle = stream;
  set_overlaps_launches(true);
}

Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

CUstream_st* Context::stream() const { return stream_ ? stream_->handle : nullptr; }

void Context::set_overlaps_launches([[maybe_unused]] bool wanted) {
  if constexpr (kHasCuda) {
    overlaps_launches_ = wanted && is_cuda() && cuda::can_overlap_launches(device_.ordinal);
  }
}

bool Context::is_capturing() const {
  if constexpr (kHasCuda) return is_cuda() && cuda::is_capturing(stream());
  return false;
}

void Context::synchronize() const {
  if constexpr (kHasCuda) {
    if (is_cuda()) cuda::synchronize_stream(stream());
  }
}

}  // namespace dcgan

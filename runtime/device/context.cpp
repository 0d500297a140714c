#include "runtime/device/context.h"

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

Context::Context(Device device) : device_(device) {
  if (device.type == DeviceType::cpu) return;
  if constexpr (kHasCuda) {
    cuda::require_device(device.ordinal);
    stream_ = std::make_unique<Stream>();
    stream_->handle = cuda::create_stream(device.ordinal);
    stream_->owned = true;
  } else {
    fail(ErrorKind::unavailable,
         "device {}: this build has no CUDA engine (configure with the "
         "CUDA toolkit and cuDNN present)",
         to_string(device));
  }
}

Context::Context(Device device, CUstream_st* stream) : device_(device) {
  DCGAN_CHECK(device.type == DeviceType::cuda, "context: a stream belongs to a CUDA device");
  stream_ = std::make_unique<Stream>();
  stream_->handle = stream;
}

Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

CUstream_st* Context::stream() const { return stream_ ? stream_->handle : nullptr; }

void Context::synchronize() const {
  if constexpr (kHasCuda) {
    if (is_cuda()) cuda::synchronize_stream(stream());
  }
}

}  // namespace dcgan

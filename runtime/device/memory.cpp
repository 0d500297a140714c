#include "runtime/device/memory.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/device/alignment.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {
namespace {

void check_copy(ConstTensorView from, ConstTensorView to) {
  DCGAN_CHECK(from.dtype == to.dtype && from.elements() == to.elements(),
              "copy: {} {} does not fit {} {}", name_of(from.dtype), to_string(from.shape),
              name_of(to.dtype), to_string(to.shape));
}

void copy_as(const Context& context, ConstTensorView from, TensorView to,
             [[maybe_unused]] cuda::CopyKind kind) {
  check_copy(from, to);
  if (from.bytes() == 0) return;
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      return cuda::copy_bytes(context.stream(), from.data, to.data, from.bytes(), kind);
    }
  }
  std::memmove(to.data, from.data, from.bytes());
}

}  // namespace

Buffer::Buffer(const Context& context, std::size_t bytes, MemoryKind kind)
    : Buffer(context.memory(kind), bytes) {}

Buffer::Buffer(std::shared_ptr<MemoryResource> resource, std::size_t bytes)
    : resource_(std::move(resource)), bytes_(bytes) {
  DCGAN_CHECK(resource_ != nullptr, "memory: no resource for {} bytes", bytes);
  if (bytes == 0) return;
  data_ = resource_->allocate(bytes);
  if (reinterpret_cast<std::uintptr_t>(data_) % kMemoryAlignment == 0 && data_ != nullptr) return;
  const void* refused = data_;
  release();
  fail(ErrorKind::internal, "memory: a resource returned {} for {} bytes, not aligned to {}",
       refused, bytes, kMemoryAlignment);
}

Buffer::~Buffer() { release(); }

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  resource_ = std::move(other.resource_);
  data_ = std::exchange(other.data_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void Buffer::release() noexcept {
  if (data_ != nullptr) resource_->release(data_, bytes_);
  data_ = nullptr;
}

std::size_t free_bytes(const Context& context) {
  const std::optional<std::size_t> known = context.memory(MemoryKind::device)->free_bytes();
  if (known) return *known;
  return default_memory(context.device()).device->free_bytes().value();
}

void copy(const Context& context, ConstTensorView from, TensorView to) {
  copy_as(context, from, to, cuda::CopyKind::device_to_device);
}

void upload(const Context& context, ConstTensorView from, TensorView to) {
  enqueue_upload(context, from, to);
  context.synchronize();
}

void enqueue_upload(const Context& context, ConstTensorView from, TensorView to) {
  copy_as(context, from, to, cuda::CopyKind::host_to_device);
}

void download(const Context& context, ConstTensorView from, TensorView to) {
  enqueue_download(context, from, to);
  context.synchronize();
}

void enqueue_download(const Context& context, ConstTensorView from, TensorView to) {
  copy_as(context, from, to, cuda::CopyKind::device_to_host);
}

void fill_zero(const Context& context, TensorView to) {
  if (to.bytes() == 0) return;
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::zero_bytes(context.stream(), to.data, to.bytes());
  }
  std::memset(to.data, 0, to.bytes());
}

}  // namespace dcgan

#include "runtime/device/limited_memory.h"

#include <algorithm>
#include <utility>

#include "runtime/base/errors.h"
#include "runtime/base/mebibytes.h"

namespace dcgan {

LimitedMemory::LimitedMemory(std::shared_ptr<MemoryResource> upstream, std::size_t limit_bytes)
    : upstream_(std::move(upstream)), limit_bytes_(limit_bytes) {
  DCGAN_CHECK(upstream_ != nullptr, "memory: a limit of {} bytes has no resource to limit",
              limit_bytes);
}

std::byte* LimitedMemory::allocate(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t left = limit_bytes_ - used_bytes_;
  if (bytes > left) {
    fail(ErrorKind::unavailable,
         "memory: the limit leaves no room for {} bytes: need {:.1f} MiB, free {:.1f} of {:.1f} "
         "MiB",
         bytes, mebibytes(bytes), mebibytes(left), mebibytes(limit_bytes_));
  }
  std::byte* data = upstream_->allocate(bytes);
  used_bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, used_bytes_);
  return data;
}

void LimitedMemory::release(std::byte* data, std::size_t bytes) noexcept {
  upstream_->release(data, bytes);
  const std::lock_guard lock(mutex_);
  used_bytes_ -= bytes;
}

std::optional<std::size_t> LimitedMemory::free_bytes() const {
  const std::optional<std::size_t> upstream = upstream_->free_bytes();
  const std::lock_guard lock(mutex_);
  return std::min(limit_bytes_ - used_bytes_, upstream.value_or(limit_bytes_));
}

std::size_t LimitedMemory::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_bytes_;
}

std::size_t LimitedMemory::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace dcgan

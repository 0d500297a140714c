#include "runtime/device/memory.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/device/cuda/runtime.h"
#include "runtime/device/memory_plan.h"

namespace dcgan {
namespace {

std::size_t free_on_host() {
  return static_cast<std::size_t>(::sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::byte* allocate_on_host(std::size_t bytes) {
  // 0 when rounding up would wrap: such a size cannot be had either.
  const std::size_t rounded =
      (bytes + MemoryPlan::kAlignment - 1) / MemoryPlan::kAlignment * MemoryPlan::kAlignment;
  void* data = rounded < bytes ? nullptr : std::aligned_alloc(MemoryPlan::kAlignment, rounded);
  if (data == nullptr) {
    const auto mebibytes = [](double count) { return count / (1 << 20); };
    fail(ErrorKind::unavailable,
         "memory: the host refused {} bytes ({:.1f} MiB; {:.1f} MiB are free)", bytes,
         mebibytes(static_cast<double>(bytes)), mebibytes(static_cast<double>(free_on_host())));
  }
  return static_cast<std::byte*>(data);
}

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
    : bytes_(bytes), device_(context.device()), kind_(kind) {
  if (bytes == 0) return;
  if constexpr (kHasCuda) {
    if (context.is_cuda()) {
      data_ = static_cast<std::byte*>(cuda::allocate(device_, bytes, kind));
      return;
    }
  }
  data_ = allocate_on_host(bytes);
}

Buffer::~Buffer() { release(); }

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  data_ = std::exchange(other.data_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  device_ = other.device_;
  kind_ = other.kind_;
  return *this;
}

void Buffer::release() noexcept {
  if (data_ == nullptr) return;
  if constexpr (kHasCuda) {
    if (device_.type == DeviceType::cuda) {
      cuda::release(device_, data_, kind_);
      data_ = nullptr;
      return;
    }
  }
  std::free(data_);
  data_ = nullptr;
}

std::size_t free_bytes(const Context& context) {
  if constexpr (kHasCuda) {
    if (context.is_cuda()) return cuda::describe_device(context.device().ordinal).free_bytes;
  }
  return free_on_host();
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

#include "tests/emulator/grid/memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "runtime/base/errors.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DCGAN_MEMORY_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define DCGAN_MEMORY_ASAN 1
#endif
#if defined(DCGAN_MEMORY_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#endif

namespace dcgan::emulator {
namespace {

constexpr std::byte kFill{0xff};

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void FencedMemory::Free::operator()(std::byte* data) const { std::free(data); }

FencedMemory::FencedMemory(std::size_t bytes) : bytes_(bytes) {
  const std::size_t rounded = rounded_up(bytes, kFence);
  auto* data = static_cast<std::byte*>(std::aligned_alloc(kFence, rounded + 2 * kFence));
  if (data == nullptr) throw std::bad_alloc();
  whole_.reset(data);
  std::memset(data, static_cast<int>(kFill), rounded + 2 * kFence);
  ASAN_POISON_MEMORY_REGION(data, kFence);
  ASAN_POISON_MEMORY_REGION(data + kFence + bytes, rounded - bytes + kFence);
}

FencedMemory::~FencedMemory() {
  if (!whole_) return;
  ASAN_UNPOISON_MEMORY_REGION(whole_.get(), rounded_up(bytes_, kFence) + 2 * kFence);
}

void FencedMemory::check(const std::string& name) const {
#if defined(DCGAN_MEMORY_ASAN)
  static_cast<void>(name);  // a write into a fence has already ended the process
#else
  for (std::size_t i = 0; i < kFence; ++i) {
    if (whole_[kFence - 1 - i] != kFill) {
      fail(ErrorKind::internal, "emulator: {}: written to {} byte(s) before its {} bytes", name,
           i + 1, bytes_);
    }
    if (whole_[kFence + bytes_ + i] != kFill) {
      fail(ErrorKind::internal, "emulator: {}: written to {} byte(s) past its {} bytes", name,
           i + 1, bytes_);
    }
  }
#endif
}

}  // namespace dcgan::emulator

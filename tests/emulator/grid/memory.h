// Memory that shows misuse: exactly as large as asked for, filled with 0xff (a NaN in every float
// type, -1 in every integer) and fenced on both sides. Under AddressSanitizer the fences cannot be
// touched; without it check() finds writes into them, and reads of them give NaN.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace dcgan::emulator {

class FencedMemory {
 public:
  explicit FencedMemory(std::size_t bytes);
  ~FencedMemory();
  FencedMemory(FencedMemory&&) noexcept = default;
  FencedMemory& operator=(FencedMemory&&) = delete;  // would leave the old fences poisoned

  void* data() const { return whole_ ? whole_.get() + kFence : nullptr; }
  std::size_t bytes() const { return bytes_; }
  /// Throws Error(internal), saying how far out of bounds, when a fence was written to.
  void check(const std::string& name) const;

 private:
  static constexpr std::size_t kFence = 256;  // bytes on each side; keeps the alignment
  struct Free {
    void operator()(std::byte* data) const;
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte[], Free> whole_;
};

}  // namespace dcgan::emulator

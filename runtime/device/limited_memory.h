// A memory resource with a limit: an embedding program's share of a GPU, and tests of what happens
// when memory runs out.
#pragma once

#include <mutex>

#include "runtime/device/memory_resource.h"

namespace dcgan {

/// Allocates from `upstream`, at most `limit_bytes` at any time; counts the bytes asked for, not
/// what upstream rounds them up to. Safe to call from several threads if upstream is.
class LimitedMemory final : public MemoryResource {
 public:
  LimitedMemory(std::shared_ptr<MemoryResource> upstream, std::size_t limit_bytes);

  /// Throws Error(unavailable) with need, free and limit beyond the limit, and what upstream
  /// throws.
  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* data, std::size_t bytes) noexcept override;
  /// What is left below the limit, or of upstream if that is less.
  std::optional<std::size_t> free_bytes() const override;

  std::size_t used_bytes() const;
  std::size_t peak_bytes() const;  ///< the most that was ever used at once

 private:
  std::shared_ptr<MemoryResource> upstream_;
  std::size_t limit_bytes_;
  mutable std::mutex mutex_;  // guards what follows
  std::size_t used_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
};

}  // namespace dcgan

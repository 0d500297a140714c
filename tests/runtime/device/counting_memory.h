// A memory resource that records who allocates and releases, for tests.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "runtime/device/memory_resource.h"

namespace dcgan::test {

class CountingMemory final : public MemoryResource {
 public:
  explicit CountingMemory(std::shared_ptr<MemoryResource> upstream)
      : upstream_(std::move(upstream)) {}

  std::byte* allocate(std::size_t bytes) override {
    std::byte* data = upstream_->allocate(bytes);
    live_[data] = bytes;
    ++allocations_;
    return data;
  }
  void release(std::byte* data, std::size_t bytes) noexcept override {
    const auto found = live_.find(data);
    wrong_releases_ += found == live_.end() || found->second != bytes;
    live_.erase(data);
    upstream_->release(data, bytes);
  }

  int allocations() const { return allocations_; }
  /// Releases of what was not allocated here, twice, or with another size.
  int wrong_releases() const { return wrong_releases_; }
  std::size_t live() const { return live_.size(); }
  std::size_t live_bytes() const {
    std::size_t sum = 0;
    for (const auto& [data, bytes] : live_) sum += bytes;
    return sum;
  }

 private:
  std::shared_ptr<MemoryResource> upstream_;
  std::map<std::byte*, std::size_t> live_;
  int allocations_ = 0;
  int wrong_releases_ = 0;
};

}  // namespace dcgan::test

// A memory budget: what a program will allocate on one device, by name, added up before anything is
// allocated. Whether everything fits, and the largest batch that does, then do not depend on the
// order in which the parts are allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/device/device.h"

namespace dcgan {

/// What the device rounds an allocation up to: 2 MiB for cudaMalloc, a page on the CPU.
std::size_t allocation_granule_bytes(Device device);

class MemoryBudget {
 public:
  struct Need {
    std::string name;       ///< "activations"
    std::size_t bytes = 0;  ///< rounded up to the device's granule
  };

  explicit MemoryBudget(Device device);

  /// One allocation. Nothing is added for 0 bytes.
  void add(std::string name, std::size_t bytes);

  /// An upper bound of what the allocations take: a device may put small ones into one granule. A
  /// sum that does not fit std::size_t is its largest value.
  std::size_t bytes() const { return bytes_; }
  const std::vector<Need>& needs() const { return needs_; }  ///< in the order of add()

  bool fits(std::size_t free_bytes) const { return bytes_ <= free_bytes; }
  /// Throws Error(unavailable) with the sum, `free_bytes` and every need, the largest first, unless
  /// the budget fits.
  void require_fits(std::size_t free_bytes) const;

 private:
  Device device_;
  std::size_t granule_bytes_;
  std::size_t bytes_ = 0;
  std::vector<Need> needs_;
};

/// The largest batch in [1, most] whose budget fits; 0: none. A budget must not shrink as the batch
/// grows. Calls budget_of about log2(most) times; what it throws passes through.
std::int64_t largest_batch_that_fits(std::int64_t most, std::size_t free_bytes,
                                     const std::function<MemoryBudget(std::int64_t)>& budget_of);

}  // namespace dcgan

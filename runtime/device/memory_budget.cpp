#include "runtime/device/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/base/errors.h"
#include "runtime/base/mebibytes.h"

namespace dcgan {
namespace {

constexpr std::size_t kMostBytes = std::numeric_limits<std::size_t>::max();

std::size_t rounded_up(std::size_t bytes, std::size_t granule) {
  const std::size_t missing = (granule - bytes % granule) % granule;
  return bytes > kMostBytes - missing ? kMostBytes : bytes + missing;
}

}  // namespace

std::size_t allocation_granule_bytes(Device device) {
  return device.type == DeviceType::cuda ? std::size_t{2} << 20 : std::size_t{4} << 10;
}

MemoryBudget::MemoryBudget(Device device)
    : device_(device), granule_bytes_(allocation_granule_bytes(device)) {}

void MemoryBudget::add(std::string name, std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t rounded = rounded_up(bytes, granule_bytes_);
  bytes_ = rounded > kMostBytes - bytes_ ? kMostBytes : bytes_ + rounded;
  needs_.push_back({std::move(name), rounded});
}

void MemoryBudget::require_fits(std::size_t free_bytes) const {
  if (fits(free_bytes)) return;
  std::vector<Need> largest_first = needs_;
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [](const Need& a, const Need& b) { return a.bytes > b.bytes; });
  std::string list;
  for (const Need& need : largest_first) {
    list += fmt::format("{}{} {:.1f}", list.empty() ? "" : ", ", need.name, mebibytes(need.bytes));
  }
  fail(ErrorKind::unavailable, "memory: {} has {:.1f} MiB free, {:.1f} MiB are needed ({})",
       to_string(device_), mebibytes(free_bytes), mebibytes(bytes_), list);
}

std::int64_t largest_batch_that_fits(std::int64_t most, std::size_t free_bytes,
                                     const std::function<MemoryBudget(std::int64_t)>& budget_of) {
  std::int64_t fits = 0;
  std::int64_t beyond = most + 1;  // the smallest batch known not to fit, or outside the range
  while (beyond - fits > 1) {
    const std::int64_t middle = fits + (beyond - fits) / 2;
    (budget_of(middle).fits(free_bytes) ? fits : beyond) = middle;
  }
  return fits;
}

}  // namespace dcgan

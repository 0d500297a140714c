#include "runtime/comm/collective_log.h"

#include <fmt/format.h>

#include <algorithm>

namespace dcgan {

std::int64_t CollectiveLog::begin(std::string_view operation, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  ++begun_;
  const Clock::time_point now = Clock::now();
  entries_[static_cast<std::size_t>(begun_) % kKept] = {begun_, operation, bytes, now, now, true};
  return begun_;
}

void CollectiveLog::end() {
  const std::lock_guard lock(mutex_);
  Entry& last = entries_[static_cast<std::size_t>(begun_) % kKept];
  last.ended = Clock::now();
  last.open = false;
  seconds_ += std::chrono::duration<double>(last.ended - last.begun).count();
}

std::int64_t CollectiveLog::sequence() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

double CollectiveLog::seconds() const {
  const std::lock_guard lock(mutex_);
  return seconds_;
}

std::string CollectiveLog::text() const {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  const auto ago = [now](Clock::time_point time) {
    return std::chrono::duration<double>(now - time).count();
  };
  std::string all;
  const std::int64_t oldest = std::max<std::int64_t>(1, begun_ - std::int64_t{kKept} + 1);
  for (std::int64_t number = begun_; number >= oldest; --number) {
    const Entry& one = entry(number);
    const double megabytes = static_cast<double>(one.bytes) * 1e-6;
    const std::string when =
        one.open ? fmt::format("since {:.1f} s ago", ago(one.begun))
                 : fmt::format("{:.1f}..{:.1f} s ago", ago(one.begun), ago(one.ended));
    all += fmt::format("{}#{} {} {:.1f} MB {}", all.empty() ? "" : "; ", one.number, one.operation,
                       megabytes, when);
  }
  return all;
}

}  // namespace dcgan

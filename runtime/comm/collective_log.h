// The last collectives of a rank: what is told when one does not come back.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace dcgan {

/// Keeps the last kKept calls and counts all. Any thread may read while one thread writes.
class CollectiveLog {
 public:
  static constexpr std::size_t kKept = 8;

  /// A collective begins: its number, from 1, the same on every rank.
  std::int64_t begin(std::string_view operation, std::size_t bytes);
  /// The one that began last has returned to the host: on a GPU it is enqueued, else done.
  void end();

  /// Calls begun so far.
  std::int64_t sequence() const;
  /// Host seconds between begin() and end(), all calls: on the CPU the time in which this rank
  /// waited for others, or for the wire.
  double seconds() const;

  /// "#17 all_reduce 25.3 MB since 12.1 s ago; #16 barrier 0.0 MB 12.5..12.4 s ago; ...", newest
  /// first. Empty when there was none.
  std::string text() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::int64_t number = 0;  // 0: none
    std::string_view operation;
    std::size_t bytes = 0;
    Clock::time_point begun;
    Clock::time_point ended;
    bool open = false;
  };
  const Entry& entry(std::int64_t number) const {
    return entries_[static_cast<std::size_t>(number) % kKept];
  }

  mutable std::mutex mutex_;
  std::array<Entry, kKept> entries_;
  std::int64_t begun_ = 0;
  double seconds_ = 0;
};

}  // namespace dcgan

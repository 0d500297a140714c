// The thread that ends a connection whose other ranks are lost or late.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/comm/communicator.h"
#include "runtime/comm/nccl/handle.h"
#include "runtime/device/event.h"

namespace dcgan::nccl {

/// Looks at watched work and at NCCL's errors a few times in every time limit. Work is late when it
/// is not done `timeout_seconds` after it was enqueued and after the watched work before it was
/// done (kFirstLimit times as long before any was done). It then calls communicator.abort() with
/// the reason; that calls wake(), and the thread ends NCCL's communicator and itself.
class Watchdog {
 public:
  static constexpr double kFirstLimit = 5;
  /// The host is seldom further ahead. With more watched work the last mark moves to its end.
  static constexpr std::size_t kMarks = 8;

  /// All must outlive it. The context is of the communicator's GPU.
  Watchdog(Communicator& communicator, Handle& handle, const Context& context,
           double timeout_seconds);
  ~Watchdog();

  /// What is enqueued on the context now. Not during a capture.
  void watch(const Context& context);
  /// The communicator has been aborted. From any thread.
  void wake() noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  struct Work {
    Event end;
    std::int64_t sequence;  // the rank's last collective then
    Clock::time_point enqueued;
  };

  void run(int ordinal) noexcept;
  /// Why the connection must end; empty: it need not.
  std::string trouble();
  std::string late_work();

  Communicator& communicator_;
  Handle& handle_;
  const double timeout_seconds_;
  std::mutex mutex_;  // of what follows; never held in a call of the communicator
  std::condition_variable changed_;
  bool stop_ = false;
  bool woken_ = false;
  std::deque<Work> pending_;  // oldest first
  std::vector<Event> spare_;  // with those of pending_: kMarks, so that a step makes none
  bool some_was_done_ = false;
  Clock::time_point last_done_;
  std::thread thread_;
};

}  // namespace dcgan::nccl

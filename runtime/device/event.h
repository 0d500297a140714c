// Events: points in a context's work, to wait for and to measure the time between.
#pragma once

#include <chrono>

#include "runtime/device/context.h"

struct CUevent_st;

namespace dcgan {

/// On a GPU a mark in the stream. On the CPU, where an operation has finished when it returns, a
/// reading of the clock. Belongs to the device of the context it was made with.
class Event {
 public:
  explicit Event(const Context& context);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;

  /// Marks the end of everything enqueued on `context` so far. A later call moves the mark.
  void record(const Context& context);
  /// Work that is enqueued on `context` from now on starts after the mark. The host does not wait.
  void wait_on(const Context& context) const;
  /// The host waits for the mark.
  void synchronize() const;
  /// Whether the work before the mark has finished. An event never recorded is done.
  bool is_done() const;
  /// Time from `first` to this mark. Both must have been recorded and be done.
  double elapsed_ms(const Event& first) const;

 private:
  void release() noexcept;
  CUevent_st* handle_ = nullptr;  // null on the CPU
  std::chrono::steady_clock::time_point time_;
};

}  // namespace dcgan

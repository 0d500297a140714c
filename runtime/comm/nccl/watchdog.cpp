#include "runtime/comm/nccl/watchdog.h"

#include <algorithm>
#include <utility>

#include "runtime/device/cuda/runtime.h"

namespace dcgan::nccl {
namespace {

constexpr double kLooksPerLimit = 20;
constexpr double kLongestPause = 0.1;  // seconds

}  // namespace

Watchdog::Watchdog(Communicator& communicator, Handle& handle, const Context& context,
                   double timeout_seconds)
    : communicator_(communicator), handle_(handle), timeout_seconds_(timeout_seconds) {
  for (std::size_t i = 0; i < kMarks; ++i) spare_.emplace_back(context);
  thread_ = std::thread([this, ordinal = context.device().ordinal] { run(ordinal); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::watch(const Context& context) {
  const std::int64_t sequence = communicator_.log().sequence();
  const std::lock_guard lock(mutex_);
  if (!spare_.empty()) {
    pending_.push_back({std::move(spare_.back()), 0, {}});
    spare_.pop_back();
  }
  pending_.back().end.record(context);
  pending_.back().sequence = sequence;
  pending_.back().enqueued = Clock::now();
}

void Watchdog::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Watchdog::run(int ordinal) noexcept {
  try {
    const cuda::CurrentDevice current(ordinal);
    const std::chrono::duration<double> pause(
        std::min(timeout_seconds_ / kLooksPerLimit, kLongestPause));
    while (!communicator_.aborted()) {
      if (const std::string reason = trouble(); !reason.empty()) communicator_.abort(reason);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, pause, [this] { return stop_ || woken_; });
      if (stop_) return;
    }
    handle_.abort();
  } catch (const std::exception& error) {  // of CurrentDevice
    communicator_.abort(error.what());
    handle_.abort();
  }
}

std::string Watchdog::trouble() {
  try {
    std::string reason = handle_.error();
    return reason.empty() ? late_work() : reason;
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string Watchdog::late_work() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  while (!pending_.empty() && pending_.front().end.is_done()) {
    spare_.push_back(std::move(pending_.front().end));
    pending_.pop_front();
    some_was_done_ = true;
    last_done_ = now;
  }
  if (pending_.empty()) return "";
  const Work& oldest = pending_.front();
  const Clock::time_point begun =
      some_was_done_ ? std::max(oldest.enqueued, last_done_) : oldest.enqueued;
  const double seconds = std::chrono::duration<double>(now - begun).count();
  const double limit = some_was_done_ ? timeout_seconds_ : kFirstLimit * timeout_seconds_;
  if (seconds <= limit) return "";
  return fmt::format(
      "work enqueued up to collective #{} is not done after {:.1f} s (limit {:g} s): a rank is "
      "lost "
      "or late",
      oldest.sequence, seconds, limit);
}

}  // namespace dcgan::nccl

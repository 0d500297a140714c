#include "runtime/device/event.h"

#include <utility>

#include "runtime/base/build_config.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {

Event::Event([[maybe_unused]] const Context& context) {
  if constexpr (kHasCuda) {
    if (context.is_cuda()) handle_ = cuda::create_event(context.device().ordinal);
  }
}

Event::~Event() { release(); }

Event::Event(Event&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), time_(other.time_) {}

Event& Event::operator=(Event&& other) noexcept {
  if (this == &other) return *this;
  release();
  handle_ = std::exchange(other.handle_, nullptr);
  time_ = other.time_;
  return *this;
}

void Event::release() noexcept {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) cuda::destroy_event(handle_);
  }
  handle_ = nullptr;
}

void Event::record([[maybe_unused]] const Context& context) {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) return cuda::record_event(handle_, context.stream());
  }
  time_ = std::chrono::steady_clock::now();
}

void Event::wait_on([[maybe_unused]] const Context& context) const {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) cuda::wait_event(context.stream(), handle_);
  }
}

void Event::synchronize() const {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) cuda::synchronize_event(handle_);
  }
}

bool Event::is_done() const {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) return cuda::is_event_done(handle_);
  }
  return true;
}

double Event::elapsed_ms(const Event& first) const {
  if constexpr (kHasCuda) {
    if (handle_ != nullptr) return cuda::elapsed_ms(first.handle_, handle_);
  }
  return std::chrono::duration<double, std::milli>(time_ - first.time_).count();
}

}  // namespace dcgan

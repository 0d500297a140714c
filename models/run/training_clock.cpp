#include "models/run/training_clock.h"

#include <algorithm>

namespace dcgan {

void TrainingClock::restart(std::int64_t step) {
  read_step_ = step;
  read_time_ = std::chrono::steady_clock::now();
}

void TrainingClock::add(const ResultsReadback::Reading& reading) {
  trained_seconds_ += reading.seconds;
  restart(reading.step);
  if (reading.steps == 0) return;
  images_per_second_ =
      static_cast<double>(reading.steps * images_per_step_) / std::max(reading.seconds, 1e-9);
}

double TrainingClock::trained_seconds_now(std::int64_t step) const {
  if (read_step_ >= step) return trained_seconds_;
  const std::chrono::duration<double> unread = std::chrono::steady_clock::now() - read_time_;
  return trained_seconds_ + unread.count();
}

}  // namespace dcgan

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
  reading_seconds_ = reading.seconds;
  images_per_second_ =
      static_cast<double>(reading.steps * images_per_step_) / std::max(reading.seconds, 1e-9);
}

double TrainingClock::trained_seconds_now(std::int64_t step) const {
  if (read_step_ >= step) return trained_seconds_;
  const std::chrono::duration<double> unread = std::chrono::steady_clock::now() - read_time_;
  return trained_seconds_ + unread.count();
}

double TrainingClock::images_per_second_now(std::int64_t step) const {
  const double unread = trained_seconds_now(step) - trained_seconds_;
  if (step <= read_step_ || unread <= reading_seconds_) return images_per_second_;
  return static_cast<double>((step - read_step_) * images_per_step_) / unread;
}

}  // namespace dcgan

// The time that steps take: on the device, between the readings of their results, so that what is
// done between steps (samples, checkpoints) is not counted.
#pragma once

#include <chrono>
#include <cstdint>

#include "models/checkpoint/training_state.h"
#include "models/training/results_readback.h"

namespace dcgan {

class TrainingClock {
 public:
  explicit TrainingClock(std::int64_t images_per_step) : images_per_step_(images_per_step) {}

  /// Real images of all ranks.
  std::int64_t images_per_step() const { return images_per_step_; }

  /// Time counts from here; `step` steps are done.
  void restart(std::int64_t step);
  void add(const ResultsReadback::Reading& reading);

  /// The last step that is in trained_seconds().
  std::int64_t read_step() const { return read_step_; }
  /// Of training, all sessions, up to read_step().
  double trained_seconds() const { return trained_seconds_; }
  /// The same with the host's time since then, when `step` is later than read_step().
  double trained_seconds_now(std::int64_t step) const;
  /// Between the last two readings.
  double images_per_second() const { return images_per_second_; }
  /// The same until the steps that have not been read have taken longer, by the host's time: then
  /// theirs. So a rate is known behind a resume before the first reading, and that of a slow first
  /// step does not stay. `step` is the last one that was enqueued.
  double images_per_second_now(std::int64_t step) const;

  void save(StateJson& state) const { state["trained_seconds"] = trained_seconds_; }
  /// Throws Error(bad_data).
  void restore(const StateJson& state) { read_entry(state, "trained_seconds", trained_seconds_); }

 private:
  std::int64_t images_per_step_;
  std::int64_t read_step_ = 0;
  std::chrono::steady_clock::time_point read_time_;
  double trained_seconds_ = 0;
  double images_per_second_ = 0;
  double reading_seconds_ = 0;  // that images_per_second_ is of
};

}  // namespace dcgan

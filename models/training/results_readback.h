// The scalars of steps, copied to the host while later steps run, and how long the steps took.
#pragma once

#include <cstdint>

#include "models/training/step.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan {

class ResultsReadback {
 public:
  struct Reading {
    std::int64_t step = 0;
    Scalars scalars;
    std::int64_t steps = 0;  ///< since the reading before it, or restart()
    double seconds = 0;      ///< that they took on the device
  };

  /// Counts steps from `step` on. The context must outlive the readback.
  ResultsReadback(const Context& context, std::int64_t step);

  /// Time counts from here: what was enqueued since the last reading is not the steps'.
  void restart(std::int64_t step);
  /// Asks for the results behind the work enqueued so far, the end of `step`. The host does not
  /// wait. One request at a time: collect() the one before.
  void request(const AdversarialStep& adversarial, std::int64_t step);
  bool requested() const { return requested_; }
  /// Whether collect() would return at once.
  bool arrived() const { return requested_ && mark_.is_done(); }
  /// Waits for what was requested.
  Reading collect();

 private:
  RawScalars& raw() const;

  const Context& context_;
  Buffer host_;  // a RawScalars, pinned
  Event start_;  // of the interval that the next reading measures
  Event mark_;
  std::int64_t start_step_ = 0;
  std::int64_t step_ = 0;
  bool requested_ = false;
};

}  // namespace dcgan

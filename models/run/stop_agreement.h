// Ends a run at the same step on all ranks, whichever of them a signal or its clock has told to.
#pragma once

#include <optional>

#include "models/run/schedule.h"
#include "models/training/engine.h"

namespace dcgan {

/// The wishes of a step are added up over the ranks with its results. A rank's host may be some
/// steps ahead of its GPU; what is acted on behind step s are therefore the wishes of step s -
/// steps_ahead, which every rank then has. With one rank a wish acts at once.
class StopAgreement {
 public:
  /// Context and engine must outlive it.
  StopAgreement(const Context& context, TrainingEngine& engine, int ranks, int steps_ahead);

  /// What this rank wants now.
  void want(bool signal, bool time);
  /// Behind step `step` has been enqueued, and when step `step` - steps_ahead has been waited for:
  /// reads that one's wishes and enqueues the copy of this one's.
  void follow(std::int64_t step);

  bool stops_for_signal() const { return signal_; }
  bool stops_for_time() const { return time_; }

 private:
  WishCounts& counts(std::int64_t step) const;

  const Context& context_;
  TrainingEngine& engine_;
  int ranks_;
  int steps_ahead_;
  Buffer host_;  // (steps_ahead) WishCounts, pinned
  bool signal_ = false;
  bool time_ = false;
};

}  // namespace dcgan

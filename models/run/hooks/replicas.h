// The ranks of a run must have the same weights, bit for bit: whether they still have.
#pragma once

#include "models/run/hooks/hook.h"
#include "runtime/comm/communicator.h"

namespace dcgan {

/// Compares the ranks' weights before each checkpoint on the way. Throws Error(internal) on every
/// rank, naming the step and the first rank that differs: memory or a device is broken, or the
/// program. The communicator must outlive the hook.
class ReplicasHook : public Hook {
 public:
  ReplicasHook(Communicator& ranks, std::int64_t every) : ranks_(ranks), every_(every) {}

  Need need(std::int64_t step) const override {
    return is_due(step, every_) ? Need::pause : Need::nothing;
  }
  void on_pause(HookContext& run) override;

 private:
  Communicator& ranks_;
  std::int64_t every_;
};

}  // namespace dcgan

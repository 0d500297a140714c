// Checkpoints on the way and at the end.
#pragma once

#include <filesystem>
#include <string>

#include "models/checkpoint/checkpoint.h"
#include "models/run/hooks/hook.h"

namespace dcgan {

struct CheckpointOptions {
  std::filesystem::path out;
  std::string config;      ///< text of config.json
  std::int64_t every = 0;  ///< steps between checkpoints; 0: only at the end
  std::int64_t keep = 0;   ///< how many stay; 0: all
};

/// Saves under out/checkpoints (models/checkpoint/checkpoint.h). Last in the list: its files hold
/// what the others have done at the step.
class CheckpointHook : public Hook {
 public:
  explicit CheckpointHook(CheckpointOptions options) : options_(std::move(options)) {}

  Need need(std::int64_t step) const override {
    return is_due(step, options_.every) ? Need::pause : Need::nothing;
  }
  /// Finds what could not be saved before the first step.
  void begin(HookContext& run) override;
  void on_pause(HookContext& run) override { write(run); }
  void end(HookContext& run, StopReason reason) override;

 private:
  CheckpointContents contents(const HookContext& run, const TrainingState& state) const;
  void write(HookContext& run);

  CheckpointOptions options_;
  std::int64_t saved_step_ = -1;  // of this run, in `out`
};

}  // namespace dcgan

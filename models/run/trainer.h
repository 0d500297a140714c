// The loop of a training run: a step, then each hook in order, until a reason to stop.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "models/run/hooks/hook.h"
#include "models/run/observer.h"
#include "models/run/rank_rate_meter.h"
#include "models/run/schedule.h"
#include "models/run/stop_agreement.h"
#include "models/run/training_clock.h"
#include "models/training/engine.h"
#include "models/training/results_readback.h"
#include "runtime/device/event.h"

namespace dcgan {

struct TrainingOutcome {
  StopReason reason = StopReason::epochs;
  std::int64_t step = 0;
  std::filesystem::path checkpoint;  ///< the last one; empty: none
};

struct TrainerOptions {
  Schedule schedule{};
  double max_seconds = 0;  ///< of training, all sessions, until the run ends; 0: no limit
};

using Hooks = std::vector<std::unique_ptr<Hook>>;

class Trainer {
 public:
  /// Context, communicator, engine and hooks must outlive the trainer. The engine has its source of
  /// images. The hooks of all ranks need the same of every step.
  Trainer(const Context& context, Communicator& ranks, TrainingEngine& engine, const Hooks& hooks,
          const TrainerOptions& options);

  /// Continues from a checkpoint instead of from fresh weights. `folder` says whether it lies in
  /// this run's own output folder. Throws Error(bad_data) when it does not fit.
  void resume(const std::filesystem::path& checkpoint, OutputFolder folder);

  /// Runs to the end. On a GPU up to eight steps are enqueued ahead, and results are reported when
  /// they have arrived, while later steps run; where a hook needs them at once, or a pause, the run
  /// waits. When `stop` becomes true, the step under way is finished, the hooks end the run, and
  /// the reason is `signal`; with several ranks all end at one step, up to nine later. Throws what
  /// a hook throws.
  TrainingOutcome run(TrainingObserver& observer, const std::atomic<bool>& stop);

  std::int64_t step() const { return engine_.steps_done(); }
  /// Of the last step, with the results that were read last.
  StepReport report() const { return report(step()); }
  /// The last one saved or resumed from, also behind an error; empty: none.
  const std::filesystem::path& checkpoint() const { return checkpoint_; }
  /// Of training, all sessions.
  double trained_seconds() const { return clock_.trained_seconds(); }

 private:
  TrainingOutcome run_hooks(HookContext& run, const std::atomic<bool>& stop);
  StopReason train(HookContext& run, const std::atomic<bool>& stop);
  bool any_needs(Need need) const;
  void follow_step(HookContext& run);
  void pause(HookContext& run);
  void request_results(HookContext& run);
  void collect_results(HookContext& run);
  void collect_all(HookContext& run);
  void restart_clock();
  void limit_backlog();
  StepReport report(std::int64_t step) const;
  TrainingState state() const;
  std::optional<StopReason> reason_to_stop() const;
  void want_stop(const std::atomic<bool>& stop);

  const Context& context_;
  Communicator& ranks_;
  TrainingEngine& engine_;
  const Hooks& hooks_;
  TrainerOptions options_;
  OutputFolder folder_ = OutputFolder::fresh;
  std::filesystem::path checkpoint_;  // the last one
  Scalars scalars_;                   // the last that were read
  ResultsReadback readback_;
  TrainingClock clock_;
  RankRateMeter meter_;
  RankRates rank_rates_;  // of the last reading
  StopAgreement agreement_;
  std::vector<Event> step_marks_;  // ends of the latest steps, in turn
};

}  // namespace dcgan

// What a run does besides its steps: each output, check and reason to stop is a hook. The trainer
// calls the hooks in the order of their list (models/run/run.cpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "models/checkpoint/training_state.h"
#include "models/run/observer.h"
#include "models/run/schedule.h"
#include "models/training/engine.h"
#include "runtime/comm/shard.h"

namespace dcgan {

/// What a hook needs of a step.
enum class Need {
  nothing,
  results,      ///< on_results() with the step's results, when they have arrived
  results_now,  ///< the same before the next step is enqueued: the run waits
  pause,        ///< on_pause() behind the step, when all that was enqueued is done and read
};

/// Whose files are in the output folder when a run begins.
enum class OutputFolder {
  fresh,      ///< nobody's, or another run's
  continued,  ///< this run's, up to the checkpoint that it was resumed from
};

/// What a hook sees of the run.
struct HookContext {
  const Context& context;
  TrainingEngine& engine;
  TrainingObserver& observer;
  Shard shard;
  OutputFolder folder = OutputFolder::fresh;
  StepReport report;                 ///< of the step that the call is about
  std::filesystem::path checkpoint;  ///< the last one saved or resumed from; empty: none
  /// Everything to continue from here: the step, the clock and every hook's entries.
  std::function<TrainingState()> state;
};

class Hook {
 public:
  virtual ~Hook() = default;

  /// What it needs of a step. Asked behind every step; a function of the step alone.
  virtual Need need(std::int64_t /*step*/) const { return Need::nothing; }
  /// Before the first step of this session.
  virtual void begin(HookContext&) {}
  /// Results have arrived, in the order of steps: those of run.report.step, whichever hook needed
  /// them. Later steps may be enqueued already.
  virtual void on_results(HookContext&) {}
  /// After a step of which it needs a pause. The time that it takes is not counted as training.
  virtual void on_pause(HookContext&) {}
  /// After the last step, whose results have been read. Called in the reverse order of the list, so
  /// that the checkpoint is safe before anything else may fail.
  virtual void end(HookContext&, StopReason) {}

  /// A reason of its own to end the run; asked after every step.
  virtual std::optional<StopReason> reason_to_stop() const { return std::nullopt; }

  /// Adds its entries to state.json.
  virtual void save(StateJson&) const {}
  /// Reads them. Throws Error(bad_data) when one is missing or of another type.
  virtual void restore(const StateJson&) {}
};

/// Whether something that is done every `every` steps is due; 0: never.
inline bool is_due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

}  // namespace dcgan

#include "models/run/hooks/checkpoint.h"

#include "runtime/device/profile_range.h"

namespace dcgan {

void CheckpointHook::begin(HookContext& run) {
  if (run.folder == OutputFolder::continued) saved_step_ = run.report.step;
  const TrainingState state = run.state();
  require_savable(options_.out, contents(run, state));
}

void CheckpointHook::end(HookContext& run, StopReason) {
  if (saved_step_ != run.report.step) write(run);
}

CheckpointContents CheckpointHook::contents(const HookContext& run,
                                            const TrainingState& state) const {
  return {run.engine.generator(),
          run.engine.discriminator(),
          run.engine.config().generator.kind,
          options_.config,
          state,
          run.shard};
}

void CheckpointHook::write(HookContext& run) {
  const ProfileRange range("save");
  const TrainingState state = run.state();
  run.checkpoint = save_checkpoint(run.context, options_.out, contents(run, state), options_.keep);
  saved_step_ = run.report.step;
  run.observer.on_file(run.checkpoint);
}

}  // namespace dcgan

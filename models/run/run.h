// A training run put together from its options: engine, images, hooks and the loop over them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "models/data/loader.h"
#include "models/run/run_config.h"
#include "models/run/trainer.h"

namespace dcgan {

class TrainingRun {
 public:
  /// Allocates everything and makes the output folder. `config`: run_config(options); its shard
  /// becomes the communicator's. Context, communicator and data set must outlive the run. The
  /// networks get fresh weights of the seed, or those of --init-from, or of
  /// --init-generator and --init-discriminator.
  /// Throws Error(config), (unavailable), (bad_data), (io).
  TrainingRun(const Context& context, Communicator& communicator, const RunOptions& options,
              RunConfig config, const Dataset& dataset);

  /// Continues from a checkpoint instead of from fresh weights.
  void resume(const std::filesystem::path& checkpoint);

  /// Trainer::run(). Of several ranks, each trains; rank 0 alone writes and should report. Throws
  /// Error(config) naming the field when the ranks do not agree on what is trained.
  /// Rank 0 leaves summary.json, also when the run ends by an error.
  TrainingOutcome run(TrainingObserver& observer, const std::atomic<bool>& stop);

  TrainingEngine& engine() { return *engine_; }
  const Loader& loader() const { return *loader_; }
  const Trainer& trainer() const { return *trainer_; }

 private:
  TrainingOutcome train(TrainingObserver& observer, const std::atomic<bool>& stop);

  const Context& context_;
  Communicator& ranks_;
  RunOptions options_;
  const Dataset& dataset_;
  Hooks hooks_;
  std::optional<TrainingEngine> engine_;
  std::optional<Loader> loader_;
  std::optional<Trainer> trainer_;
};

}  // namespace dcgan

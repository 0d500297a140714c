// A training run: step after step until a stop condition, with log lines, sample grids and
// checkpoints on the way.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/checkpoint/checkpoint.h"
#include "models/data/dataset.h"
#include "models/generation/generator.h"
#include "models/run/metrics_log.h"
#include "models/run/run_options.h"
#include "models/training/engine.h"
#include "models/training/results_readback.h"
#include "runtime/device/event.h"

namespace dcgan {

/// What a run tells while it goes on. The default hears nothing.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void on_step(const LogRecord& /*record: counts and times; results of the last log*/) {}
  virtual void on_log(const LogRecord&) {}
  virtual void on_file(const std::filesystem::path&) {}  ///< a grid or a checkpoint was written
};

enum class StopReason { epochs, steps, time, equilibrium, signal };

struct TrainingOutcome {
  StopReason reason = StopReason::epochs;
  std::int64_t step = 0;
  std::filesystem::path checkpoint;  ///< the last one
};

class Trainer {
 public:
  /// Options must be valid. The data set must outlive the trainer. Makes the output folder.
  Trainer(const Context& context, const RunOptions& options, const Dataset& dataset);

  /// Goes on from a checkpoint instead of from fresh weights.
  void resume(const std::filesystem::path& checkpoint);

  /// Runs to the end. On a GPU up to eight steps are enqueued ahead, and a log line comes when its
  /// results have arrived, while later steps run; before a sample grid or a checkpoint, and with
  /// --stop-at-equilibrium at every step, the run waits for them. When `stop` becomes true, the
  /// step under way is finished, everything is saved, and the reason is `signal`. Throws
  /// Error(diverged) when a number is not finite; the last checkpoint is then kept.
  TrainingOutcome run(TrainingObserver& observer, const std::atomic<bool>& stop);

  TrainingEngine& engine() { return engine_; }
  const TrainingState& state() const { return state_; }

 private:
  std::optional<StopReason> reason_to_stop(const std::atomic<bool>& stop) const;
  std::int64_t last_step() const;  ///< at which epochs or steps end the run; 0: never
  LogRecord record(std::int64_t step) const;
  void request_results(TrainingObserver& observer, bool logs);
  void take_results(TrainingObserver& observer);
  void settle(TrainingObserver& observer);
  void restart_clock();
  void limit_backlog();
  void observe_step(TrainingObserver& observer);
  void require_finite(std::int64_t step) const;
  void save(TrainingObserver& observer);
  void write_samples(TrainingObserver& observer, const std::filesystem::path& path);
  void write_real_images();

  const Context& context_;
  RunOptions options_;
  const Dataset& dataset_;
  Generator sampler_;  // first: what the engine says of its largest batch counts it in
  TrainingEngine engine_;
  HostTensor fixed_latent_;
  EquilibriumDetector equilibrium_;
  TrainingState state_;
  std::optional<MetricsLog> metrics_;
  StepResults results_;
  ResultsReadback readback_;
  std::vector<Event> step_marks_;  ///< ends of the latest steps, in turn
  bool logs_requested_ = false;    ///< what was requested becomes a log line
  double images_per_second_ = 0;   ///< between the last two readings
  std::int64_t read_step_ = 0;     ///< the last that is in trained_seconds
  std::chrono::steady_clock::time_point read_time_;
  std::int64_t saved_step_ = -1;
  std::filesystem::path checkpoint_;
};

}  // namespace dcgan

// What a run reports while it trains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "models/run/rank_rates.h"
#include "models/training/scalars.h"

namespace dcgan {

/// What is known of a run at a step.
struct StepReport {
  std::int64_t epoch = 0;    ///< counted from 0
  std::int64_t epochs = 0;   ///< that the run's limits allow; 0: no limit
  std::int64_t batch = 0;    ///< within the epoch, counted from 0
  std::int64_t batches = 0;  ///< in an epoch
  std::int64_t step = 0;     ///< generator updates made
  std::int64_t steps = 0;    ///< at which the run will end, as far as known; 0: unknown
  Scalars scalars;           ///< the last that were read
  double images_per_second = 0;
  double trained_seconds = 0;  ///< all sessions
  double seconds_left = 0;     ///< < 0: unknown
  RankRates rank_rates;        ///< of each rank's own work; empty in a world of one
};

/// The line of pytorch/examples/dcgan: "[0/25][50/1583] Loss_D: 0.4 Loss_G: ... D(G(z)): a / b";
/// "[0/-]" without a limit.
std::string example_log_line(const StepReport& report);

/// Hears of a run. The default does nothing.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  /// A step has been enqueued; the report's results and times are those of the last reading.
  virtual void on_step(const StepReport&) {}
  /// The results of a log line's step have arrived; later steps may be enqueued already.
  virtual void on_log(const StepReport&) {}
  /// A file or folder was written.
  virtual void on_file(const std::filesystem::path&) {}
};

}  // namespace dcgan

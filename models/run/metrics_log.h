// metrics.jsonl: one JSON object a line, for machines; losses.csv: the same figures as a table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "models/training/step.h"

namespace dcgan {

/// What is known at a log line.
struct LogRecord {
  std::int64_t epoch = 0;    ///< counted from 0
  std::int64_t epochs = 0;   ///< 0: no limit
  std::int64_t batch = 0;    ///< within the epoch, counted from 0
  std::int64_t batches = 0;  ///< in an epoch
  std::int64_t step = 0;     ///< generator updates made
  std::int64_t steps = 0;    ///< at which the run will end, as far as known; 0: unknown
  StepResults results;
  double images_per_second = 0;
  double trained_seconds = 0;
  double seconds_left = 0;  ///< < 0: unknown
};

/// The line of pytorch/examples/dcgan: "[0/25][50/1583] Loss_D: 0.4 Loss_G: ... D(G(z)): a / b".
std::string example_log_line(const LogRecord& record);

class MetricsLog {
 public:
  /// Appends to folder/metrics.jsonl after its first keep_bytes bytes; what follows them (written
  /// after the checkpoint that a run resumes from) is cut off. Throws Error(io).
  MetricsLog(const std::filesystem::path& folder, std::uint64_t keep_bytes);

  void append(const LogRecord& record);
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::ofstream lines_;
  std::ofstream table_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dcgan

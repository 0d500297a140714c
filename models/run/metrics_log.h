// metrics.jsonl: one JSON object a line, for machines; losses.csv: the same figures as a table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "models/run/observer.h"

namespace dcgan {

class MetricsLog {
 public:
  /// Appends to folder/metrics.jsonl behind the lines of the steps up to `last_step`; what follows
  /// them (written after the checkpoint that a run resumes from) is cut off, and so is a last line
  /// without an end. -1: a new run, nothing is kept. Throws Error(io), and Error(config) when
  /// something other than a file has one of the names.
  MetricsLog(const std::filesystem::path& folder, std::int64_t last_step);

  void append(const StepReport& report);
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::ofstream lines_;
  std::ofstream table_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dcgan

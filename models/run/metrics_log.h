// metrics.jsonl: one JSON object a line, for machines; losses.csv: the same figures as a table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "models/run/observer.h"

namespace dcgan {

class MetricsLog {
 public:
  /// Appends to folder/metrics.jsonl after its first keep_bytes bytes; what follows them (written
  /// after the checkpoint that a run resumes from) is cut off. Throws Error(io).
  MetricsLog(const std::filesystem::path& folder, std::uint64_t keep_bytes);

  void append(const StepReport& report);
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::ofstream lines_;
  std::ofstream table_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dcgan

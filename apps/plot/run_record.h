// What a run has left to look at: its curves and its sample grids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dcgan {

/// (step, value), in the order of the file.
using Curve = std::vector<std::pair<double, double>>;

struct RunRecord {
  std::map<std::string, Curve> curves;  ///< by the columns of metrics.jsonl
  double last_step = 0;
  std::vector<std::pair<std::int64_t, std::filesystem::path>> grids;  ///< by step
};

/// Reads run/metrics.jsonl and the names in run/samples; a last line that is cut short, and values
/// that are no numbers, are left out. Throws Error(io) when there is no such file, and
/// Error(bad_data) when it holds no line of a run.
RunRecord read_run_record(const std::filesystem::path& run);

/// At most `most` of them, the first and the last among them, the others spread by their place.
RunRecord with_grids(RunRecord record, std::size_t most);

}  // namespace dcgan

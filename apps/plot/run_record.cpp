#include "apps/plot/run_record.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/base/errors.h"
#include "runtime/io/files.h"
#include "runtime/io/json_text.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMaxMetricsBytes = std::uint64_t{1} << 30;

void add_line(const std::string& line, RunRecord& record) {
  if (json_fault(line)) return;
  const nlohmann::json json = nlohmann::json::parse(line);
  const auto step = json.is_object() ? json.find("step") : json.end();
  if (step == json.end() || !step->is_number()) return;
  record.last_step = std::max(record.last_step, step->get<double>());
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) {
      record.curves[name].emplace_back(step->get<double>(), value.get<double>());
    }
  }
}

// Of step_00000500.png; -1 for other names.
std::int64_t grid_step(const fs::path& path) {
  const std::string name = path.stem().string();
  if (!name.starts_with("step_") || path.extension() != ".png") return -1;
  std::int64_t step = -1;
  const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

}  // namespace

RunRecord read_run_record(const fs::path& run) {
  RunRecord record;
  const fs::path metrics = run / "metrics.jsonl";
  std::istringstream lines(read_text_file(metrics, kMaxMetricsBytes));
  for (std::string line; std::getline(lines, line);) add_line(line, record);
  if (record.curves.empty()) {
    fail(ErrorKind::bad_data, "{}: holds no line of a run", metrics.string());
  }
  if (fs::is_directory(run / "samples")) {
    for (const auto& entry : fs::directory_iterator(run / "samples")) {
      const std::int64_t step = grid_step(entry.path());
      if (step >= 0) record.grids.emplace_back(step, entry.path());
    }
  }
  std::sort(record.grids.begin(), record.grids.end());
  return record;
}

RunRecord with_grids(RunRecord record, std::size_t most) {
  const std::size_t count = record.grids.size();
  if (count <= most || most < 2) return record;
  std::vector<std::pair<std::int64_t, fs::path>> chosen;
  for (std::size_t i = 0; i < most; ++i) {
    chosen.push_back(record.grids[i * (count - 1) / (most - 1)]);
  }
  record.grids = std::move(chosen);
  return record;
}

}  // namespace dcgan

#include "models/run/metrics_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/errors.h"
#include "runtime/io/json_text.h"
#include "runtime/io/output_file.h"

namespace dcgan {

namespace {

nlohmann::ordered_json as_json(const StepReport& report) {
  nlohmann::ordered_json json;
  json["step"] = report.step;
  json["epoch"] = report.epoch;
  for (const ScalarInfo& scalar : kScalars) {
    json[std::string(scalar.name)] = report.scalars[scalar.id];
  }
  json["images_per_second"] = report.images_per_second;
  json["trained_seconds"] = report.trained_seconds;
  if (!report.rank_rates.empty()) {
    json["slowest_rank"] = slowest_rank(report.rank_rates);
    json["rank_images_per_second"] = report.rank_rates;
  }
  return json;
}

// The keys or the values of a record, comma-separated. JSON's numbers are CSV's, in any locale.
std::string csv_row(const nlohmann::ordered_json& json, bool header) {
  std::string row;
  for (const auto& [key, value] : json.items()) {
    if (key == "slowest_rank" || value.is_array()) continue;  // the columns of every run
    row += row.empty() ? "" : ",";
    row += header ? key : value.dump();
  }
  return row + "\n";
}

std::ofstream opened(const std::filesystem::path& path, std::ios::openmode mode) {
  std::ofstream stream(path, std::ios::binary | mode);
  if (!stream) fail(ErrorKind::io, "{}: cannot be written", path.string());
  return stream;
}

void require_own_table(const std::filesystem::path& path) {
  require_regular_or_absent(path);
  std::string first;
  std::getline(std::ifstream(path), first);
  if (first.empty() || first.starts_with("step,")) return;
  fail(ErrorKind::config, "{}: holds no table of losses; it is left as it is", path.string());
}

// Null for what is no line of ours.
nlohmann::ordered_json parsed(const std::string& line) {
  return json_fault(line) ? nlohmann::ordered_json() : nlohmann::ordered_json::parse(line);
}

// Where the first line of a later step begins, or a last line that was cut short.
std::uint64_t kept_bytes(const std::filesystem::path& path, std::int64_t last_step) {
  std::ifstream lines(path, std::ios::binary);
  std::uint64_t bytes = 0;
  for (std::string line; std::getline(lines, line) && !lines.eof(); bytes += line.size() + 1) {
    const nlohmann::ordered_json json = parsed(line);
    const auto step = json.is_object() ? json.find("step") : json.end();
    if (step != json.end() && step->is_number() && *step > last_step) break;
  }
  return bytes;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& folder, std::int64_t last_step)
    : path_(folder / "metrics.jsonl") {
  require_output_file("", path_, FileKind::json);
  require_own_table(folder / "losses.csv");
  std::error_code error;
  const std::uint64_t present = std::filesystem::file_size(path_, error);
  bytes_ = error || last_step < 0 ? 0 : kept_bytes(path_, last_step);
  if (!error && present != bytes_) std::filesystem::resize_file(path_, bytes_);
  lines_ = opened(path_, std::ios::app);
  table_ = opened(folder / "losses.csv", std::ios::trunc);
  table_ << csv_row(as_json({}), /*header=*/true);
  std::ifstream kept(path_);
  for (std::string line; std::getline(kept, line);) {
    const nlohmann::ordered_json json = parsed(line);
    if (json.is_object()) table_ << csv_row(json, /*header=*/false);
  }
  table_ << std::flush;
}

void MetricsLog::append(const StepReport& report) {
  const nlohmann::ordered_json json = as_json(report);
  const std::string line = json.dump() + "\n";
  lines_ << line << std::flush;
  table_ << csv_row(json, /*header=*/false) << std::flush;
  if (!lines_ || !table_) {
    fail(ErrorKind::io, "{}: writing {} bytes failed", path_.string(), line.size());
  }
  bytes_ += line.size();
}

}  // namespace dcgan

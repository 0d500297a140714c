#include "models/run/metrics_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/errors.h"

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

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& folder, std::uint64_t keep_bytes)
    : path_(folder / "metrics.jsonl") {
  std::error_code error;
  const std::uint64_t present = std::filesystem::file_size(path_, error);
  bytes_ = error ? 0 : std::min<std::uint64_t>(present, keep_bytes);
  if (!error && present != bytes_) std::filesystem::resize_file(path_, bytes_);
  lines_ = opened(path_, std::ios::app);
  table_ = opened(folder / "losses.csv", std::ios::trunc);
  table_ << csv_row(as_json({}), /*header=*/true);
  std::ifstream kept(path_);
  for (std::string line; std::getline(kept, line);) {
    const auto json = nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
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

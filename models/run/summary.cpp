#include "models/run/summary.h"

#include <cmath>

#include "models/checkpoint/config_json.h"
#include "runtime/base/build_config.h"
#include "runtime/io/files.h"
#include "runtime/io/output_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using config_json::Json;

fs::path file_in(const fs::path& out) { return out / "summary.json"; }

// JSON has no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json path_or_null(const fs::path& path) {
  return path.empty() ? Json() : config_json::text_to_json(path.string());
}

Json as_json(const fs::path& out, const RunSummary& summary) {
  const StepReport& report = summary.report;
  const fs::path samples = out / "samples.png";
  const bool has_samples = summary.error.empty() && fs::exists(samples);
  Json json;
  json["reason"] = summary.reason;
  json["exit_code"] = summary.exit_code;
  json["error"] = summary.error.empty() ? Json() : Json(printable(summary.error));
  json["step"] = report.step;
  json["epoch"] = report.epoch;
  for (const ScalarInfo& scalar : kScalars) {
    json[std::string(scalar.name)] = number(report.scalars[scalar.id]);
  }
  json["images_per_second"] = report.images_per_second;
  json["trained_seconds"] = report.trained_seconds;
  json["checkpoint"] = path_or_null(summary.checkpoint);
  json["samples"] = path_or_null(has_samples ? samples : fs::path());
  json["version"] = kVersion;
  return json;
}

}  // namespace

RunSummary summary_of(const TrainingOutcome& outcome, const StepReport& report) {
  const bool is_signal = outcome.reason == StopReason::signal;
  return {std::string(enum_name(outcome.reason)),
          is_signal ? static_cast<int>(ErrorKind::preempted) : 0,
          {},
          report,
          outcome.checkpoint};
}

RunSummary summary_of(const Error& error, const StepReport& report, const fs::path& checkpoint) {
  const bool has_diverged = error.kind() == ErrorKind::diverged;
  return {has_diverged ? "diverged" : "failed", error.exit_code(), error.what(), report,
          checkpoint};
}

void remove_summary(const fs::path& out) {
  require_output_file("", file_in(out), FileKind::json);
  fs::remove(file_in(out));
}

void write_summary(const fs::path& out, const RunSummary& summary) {
  write_text_atomically(file_in(out), as_json(out, summary).dump(2) + "\n");
}

}  // namespace dcgan

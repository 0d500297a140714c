// summary.json: how a run has ended, one JSON object for scripts.
#pragma once

#include <filesystem>
#include <string>

#include "models/run/observer.h"
#include "models/run/trainer.h"

namespace dcgan {

struct RunSummary {
  std::string reason;  ///< a StopReason's name, or "diverged" or "failed"
  int exit_code = 0;
  std::string error;                 ///< the message of an error; empty: none
  StepReport report;                 ///< of the last step
  std::filesystem::path checkpoint;  ///< the last one; empty: none
};

RunSummary summary_of(const TrainingOutcome& outcome, const StepReport& report);
RunSummary summary_of(const Error& error, const StepReport& report,
                      const std::filesystem::path& checkpoint);

/// Before the first step: throws Error(config) when out/summary.json is something else, and removes
/// the one of an earlier session, so that none is there while a run is under way.
void remove_summary(const std::filesystem::path& out);

/// Throws Error(io).
void write_summary(const std::filesystem::path& out, const RunSummary& summary);

}  // namespace dcgan

// The running half of trace.h: computes every tensor that a trace may hold.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/parity/trace_inputs.h"

namespace dcgan {

struct TraceRun {
  std::map<std::string, HostTensor> computed;  ///< by name without the prefix
  std::vector<std::string> notes;              ///< see TraceReport
};

/// Runs the trace's steps on a training engine. Batch size and labels are the trace's.
TraceRun run_trace(const Context& context, const TraceInputs& inputs, const TrainingConfig& config);

}  // namespace dcgan

// The running half of trace.h: computes every tensor that a trace may hold.
#pragma once

#include <map>
#include <string>

#include "models/parity/trace_inputs.h"

namespace dcgan {

/// Runs the trace's steps on a training engine and returns what it computed, by name without the
/// prefix. Batch size and labels are the trace's.
std::map<std::string, HostTensor> run_trace(const Context& context, const TraceInputs& inputs,
                                            const TrainingConfig& config);

}  // namespace dcgan

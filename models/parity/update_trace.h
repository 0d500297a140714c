// Replay of a trace of updates: each begins from the state that PyTorch's began from, so nothing
// that a rounding has changed is carried on, and networks of full size can be compared. What is
// claimed of every update:
//
//   gradU        our gradient is no further from float64's than a small factor of PyTorch's own
//                float32 gradient is (relative L2), and than ReLUs change it whose input is so near
//                zero that a rounding decides
//   stateU+1,    weights and moments are what the optimiser's formula makes of our gradient, with
//   the momentsU+1   settings that PyTorch had, up to rounding, element by element running_*, batch
//   norm's statistics and the scalars: as the gradients, by the largest difference scalars.*
//
// and of the trace that PyTorch's own weights follow the formula from its own gradients, so that
// the formula is PyTorch's. Names as in scripts/record_trace.py.
#pragma once

#include <string>

#include "models/parity/trace.h"

namespace dcgan {

/// Does the file hold updates (stateU.*) rather than where a run arrived?
bool is_update_trace(const SafetensorsFile& trace, const std::string& prefix);

/// As replay_trace(), which calls it. `bounds` count besides where the precision is not fp32.
TraceReport replay_updates(const Context& context, const SafetensorsFile& trace,
                           const TrainingConfig& config, const std::string& prefix,
                           const TraceBounds& bounds);

}  // namespace dcgan

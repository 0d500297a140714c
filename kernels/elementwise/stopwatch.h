// The time between two points of a stream, summed on the device: also inside a graph, and without
// the host.
#pragma once

#include "runtime/base/tensor.h"
#include "runtime/device/context.h"

namespace dcgan {

/// total: (1) i64, nanoseconds. A start and the stop behind it add the time between the ends of the
/// work before each. Between the two the value means nothing. The device's clock: microseconds on
/// a GPU (PTX %globaltimer).
void start_stopwatch(const Context& context, TensorView total);
void stop_stopwatch(const Context& context, TensorView total);

}  // namespace dcgan

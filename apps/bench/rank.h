// This process among the ranks of a benchmark.
#pragma once

#include <functional>

#include "models/run/run_options.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/context.h"

namespace dcgan {

/// Opens the rank's device, connects the ranks and calls `body`, which returns the exit code. A
/// rank whose body throws tells the others.
int on_rank(const RunOptions& options,
            const std::function<int(const Context&, Communicator&)>& body);

}  // namespace dcgan

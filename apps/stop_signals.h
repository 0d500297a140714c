// Signals that end a training: after the first the step is finished and a checkpoint saved (exit
// code 75), another one, more than 0.2 s later, ends the process at once.
#pragma once

#include <atomic>

namespace dcgan {

/// Handles SIGINT, SIGTERM and SIGUSR1 from now on. The flag becomes true at the first of them.
const std::atomic<bool>& watch_stop_signals();

}  // namespace dcgan

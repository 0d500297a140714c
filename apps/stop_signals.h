// Signals that end a training: the first asks for an orderly end (finish the step, save, exit 75),
// the second leaves at once.
#pragma once

#include <atomic>

namespace dcgan {

/// Handles SIGINT, SIGTERM and SIGUSR1 from now on. The flag becomes true at the first of them.
const std::atomic<bool>& watch_stop_signals();

}  // namespace dcgan

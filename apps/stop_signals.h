// Signals that end a training: after the first the step is finished and a checkpoint saved (exit
// code 75), another one, more than 0.2 s later, ends the process at once.
#pragma once

#include <atomic>

namespace dcgan {

/// In `dcgan train` they are held from before main until allow_stop_signals().
///
/// Handles SIGINT, SIGTERM, SIGUSR1 and SIGHUP from now on; one that the program was started to
/// ignore (SIGHUP under nohup) stays ignored. The flag becomes true at the first of them. May be
/// called again.
const std::atomic<bool>& watch_stop_signals();

/// Keeps them from arriving until allow_stop_signals(), also across an exec: a process that is
/// started to train misses none before it has handlers.
void hold_stop_signals();
void allow_stop_signals();

}  // namespace dcgan

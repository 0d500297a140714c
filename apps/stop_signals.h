// Signals that end a training: before anything has been made the process ends at once (exit code
// 75), later the step is finished and a checkpoint saved (75, too); another signal, more than 0.2 s
// after the first, ends the process at once.
#pragma once

#include <atomic>

namespace dcgan {

/// In `dcgan train` they are held from before main until allow_stop_signals().
///
/// Handles SIGINT, SIGTERM, SIGUSR1 and SIGHUP from now on; one that the program was started to
/// ignore (SIGHUP under nohup) stays ignored. Until defer_stop_signals() they end the process with
/// 75; then the flag becomes true at the first of them. May be called again.
const std::atomic<bool>& watch_stop_signals();

/// From now on a signal sets the flag and nothing else.
void defer_stop_signals();

/// Keeps them from arriving until allow_stop_signals(), also across an exec: a process that is
/// started to train misses none before it has handlers.
void hold_stop_signals();
void allow_stop_signals();

}  // namespace dcgan

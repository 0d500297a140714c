// The stand-in for NCCL in emulated builds: the interface for tests. The engine calls NCCL's own
// functions, which the .cpp files of this folder define: those that it uses and no more.
//
// Ranks are threads of one process, each with a context on an emulated device of its own. A
// collective is a node of the rank's stream (runtime/state.h) that runs when the nodes of all ranks
// have been reached; it may be captured and replayed. One communicator's collectives run in the
// order of its calls, on whichever streams. Sums are made in the order of ranks, in float32 for
// float32 and bfloat16. Results appear as late as the simulation allows.
//
// Calls are not blocking and often return ncclInProgress; the work is then enqueued at the poll
// (ncclCommGetAsyncError) that ends the call.
//
// What NCCL leaves undefined is reported, and ends the collectives of all ranks with an
// asynchronous error: another operation, count, type or root on some ranks, collectives that some
// ranks do not call, a call after the end of a communicator or while one is in progress, two
// threads in one communicator, memory or streams of another device, a communicator that ends before
// the graphs that hold its collectives.
#pragma once

#include <nccl.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dcgan::emulator::nccl {

/// Forgets reports and injected failures, and seeds how often calls are in progress.
void reset(std::uint64_t seed);

/// Misuse so far, each with ranks, operation, count, type and sequence.
std::vector<std::string> reports();

// Of the rank's communicator, counted from 1. Calls are counted when they are called, runs when
// they are enqueued: a replay of a graph is a run of each collective in it.

/// The call is refused with this result.
void fail_call(int rank, std::int64_t call, ncclResult_t result);
/// The rank's GPU does not reach the run, until resume(): a GPU that is late or, without resume(),
/// a process that was stopped.
void stall(int rank, std::int64_t run);
void resume(int rank);
/// As stall() for ever, and the other ranks get ncclRemoteError: a process that was killed.
void lose(int rank, std::int64_t run);
/// Called inside every call for a communicator, before it does anything, with the function's name.
void on_call(std::function<void(const char* function)> hook);

}  // namespace dcgan::emulator::nccl

// The simulated device of emulated builds, in place of the CUDA runtime: the interface for tests
// and for the emulator of kernels. The engine's host code calls the CUDA runtime's own functions,
// which the .cpp files of this folder define.
//
// Nothing runs when it is enqueued. An operation becomes a node that waits for the node before it
// on its stream and for the events that the stream waits for. When the host observes something (a
// synchronise, a query, a free), nodes run one at a time on the observing thread, in a random order
// of those that streams and events allow. A missing event, a staging buffer reused too early or a
// value read too early therefore gives wrong numbers for some seed, and the same wrong numbers each
// time for that seed.
//
// Several threads may each drive devices of their own, as ranks do. One node runs at a time. Only a
// thread that waits for a collective whose other ranks have not called it lets others in meanwhile.
// A query of an event that another thread has recorded runs nothing: it looks.
//
// Environment, read once at start:
//   DCGAN_EMULATOR_SEED=7              seed of the random order (default 1)
//   DCGAN_EMULATOR_DEVICES=2           simulated GPUs (default 2)
//   DCGAN_EMULATOR_MEMORY_MIB=4096     memory of each (default 4096)
//   DCGAN_EMULATOR_FAIL=launch:10      failures to inject: allocation, launch, copy or execution,
//                                      counted from 1; several separated by commas
//   DCGAN_EMULATOR_LEAKS=ignore        succeed at exit although something was not released
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace dcgan::emulator {

/// Enqueues `work` on `stream` as a kernel launch does, and returns what the launch would return.
/// An exception thrown by `work` becomes the device's sticky error with its text in
/// cudaGetErrorString. During capture `work` becomes a node of the graph and runs at each replay.
cudaError_t enqueue_kernel(cudaStream_t stream, std::string name, std::function<void()> work);

/// Resets the device: drops pending work, sticky errors, injected failures and pretended
/// properties, and seeds the random order. Allocations, streams and events stay.
void reset(std::uint64_t seed);

enum class Fault {
  allocation,  ///< cudaMalloc and cudaMallocHost return cudaErrorMemoryAllocation
  launch,      ///< a launch is refused: cudaErrorLaunchOutOfResources
  copy,        ///< a copy or memset is refused: cudaErrorInvalidValue
  execution,   ///< the node breaks while it runs: cudaErrorIllegalAddress, sticky
};
/// The count-th such call from now fails (1: the next). Once.
void fail_at(Fault fault, std::int64_t count);

/// How long a thread waits for collectives of other ranks before they are given up (60 seconds).
void set_patience(double seconds);

/// What is allocated or created and not yet released.
struct Live {
  std::size_t allocations = 0;
  std::size_t bytes = 0;
  std::size_t streams = 0;
  std::size_t events = 0;
  std::size_t graphs = 0;         ///< templates and executables
  std::size_t communicators = 0;  ///< of NCCL
  friend bool operator==(const Live&, const Live&) = default;
};
Live live();

/// Nodes that have run since the start.
std::int64_t nodes_run();
/// Nodes enqueued and not yet run.
std::size_t nodes_pending();

/// Calls of the CUDA runtime so far, by name ("cudaMalloc"); kernel launches are "a launch".
std::map<std::string, std::int64_t> calls();
/// The nodes of all graphs that can be launched, by name: a kernel's, "copy" or "memset".
std::map<std::string, std::int64_t> graph_nodes();
/// Nodes of the longest chain in any of them: what must run one after the other.
std::int64_t longest_chain();

/// Overrides properties of the device, for tests of require_device and of memory that runs out; {}
/// restores them.
struct Identity {
  int devices = -1;                       ///< -1: as the environment says
  int driver_version = -1;                ///< -1: as the runtime's
  cudaError_t count_error = cudaSuccess;  ///< what cudaGetDeviceCount returns
  int major = 9;
  int minor = 0;
  std::size_t memory_bytes = 0;  ///< 0: as the environment says
};
void pretend(const Identity& identity);

}  // namespace dcgan::emulator

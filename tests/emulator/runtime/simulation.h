// The simulated device of emulated builds: what stands in for the CUDA runtime, as tests and the
// kernels' emulator see it. The engine's host code sees cudart's own functions, defined in
// api_*.cpp.
//
// Nothing runs when it is enqueued. Work becomes a node that waits for the node before it on its
// stream and for the events that the stream was told to wait for. When the host must observe
// something (a synchronise, a query, a free), nodes run one at a time on the observing thread, in
// an order drawn by a seeded generator from all orders that streams and events allow. So a missing
// event, a staging buffer reused too early or a value read too early gives wrong numbers for some
// seed, and the same wrong numbers each time for that seed.
//
// Environment, read once at start:
//   DCGAN_EMULATOR_SEED=7              the order drawn (default 1)
//   DCGAN_EMULATOR_DEVICES=2           simulated GPUs (default 2)
//   DCGAN_EMULATOR_MEMORY_MIB=4096     memory of each (default 4096)
//   DCGAN_EMULATOR_FAIL=launch:10      inject: allocation, launch, copy or execution, counted from
//   1;
//                                      several apart by commas
//   DCGAN_EMULATOR_LEAKS=ignore        do not fail at exit over what was not released
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace dcgan::emulator {

/// Enqueues `work` on `stream` as a kernel launch does: cudaSuccess, or what a launch would return.
/// An exception out of `work` becomes the device's sticky error; its text is in cudaGetErrorString.
/// During capture `work` becomes a node of the graph and runs at each replay.
cudaError_t enqueue_kernel(cudaStream_t stream, std::string name, std::function<void()> work);

/// Back to a fresh device: forgets pending work, sticky errors and injected failures, and draws the
/// next orders from `seed`. Allocations, streams and events stay.
void reset(std::uint64_t seed);

enum class Fault {
  allocation,  ///< cudaMalloc and cudaMallocHost return cudaErrorMemoryAllocation
  launch,      ///< a launch is refused: cudaErrorLaunchOutOfResources
  copy,        ///< a copy or memset is refused: cudaErrorInvalidValue
  execution,   ///< the node breaks while it runs: cudaErrorIllegalAddress, sticky
};
/// The count-th such call from now fails (1: the next). Once.
void fail_at(Fault fault, std::int64_t count);

/// What is alive.
struct Live {
  std::size_t allocations = 0;
  std::size_t bytes = 0;
  std::size_t streams = 0;
  std::size_t events = 0;
  std::size_t graphs = 0;  ///< templates and executables
  friend bool operator==(const Live&, const Live&) = default;
};
Live live();

/// Nodes that have run since the start.
std::int64_t nodes_run();
/// Nodes enqueued and not yet run.
std::size_t nodes_pending();

/// Calls of the CUDA runtime so far, by name ("cudaMalloc"); kernels' launches are "a launch".
std::map<std::string, std::int64_t> calls();
/// The nodes of all graphs that can be launched, by name: a kernel's, "copy" or "memset".
std::map<std::string, std::int64_t> graph_nodes();

/// Overrides what the device says of itself and has, for tests of require_device and of memory that
/// runs out; {} restores it.
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

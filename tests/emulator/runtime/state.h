// The state of the simulated device, shared by the files of this folder.
#pragma once

#include <cuda_runtime_api.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/emulator/runtime/simulation.h"

namespace dcgan::emulator {

class Meeting;

/// One enqueued operation. It may run when all nodes before it have run.
struct Node {
  std::string name;
  int device = 0;
  std::function<void()> work;  // empty: an event's mark
  std::vector<std::shared_ptr<Node>> before;
  std::vector<std::shared_ptr<Node>> after;
  std::size_t waits_for = 0;
  std::int64_t sequence = 0;    // when it ran, from 1
  std::uint64_t wanted_by = 0;  // the observation that last asked for it
  bool done = false;
  std::shared_ptr<Meeting> meeting;  // null: needs nothing but the nodes before it
  bool released = false;             // ... the meeting lets it run
};
using NodePointer = std::shared_ptr<Node>;

/// What a node waits for besides the nodes before it: nodes of other streams, which may not be
/// enqueued yet. Called under the simulation's lock.
class Meeting {
 public:
  virtual ~Meeting() = default;
  /// Everything before the node has run. It runs some time after release(node).
  virtual void reached(const NodePointer& node) = 0;
  /// The nodes that it waits for, as far as they are enqueued.
  virtual std::vector<NodePointer> nodes() const = 0;
  /// Somebody has waited for this longer than the simulation's patience: ends the meeting.
  virtual void give_up() = 0;
};

/// An operation that meets those of other ranks: a node for every call, or for every replay of the
/// graph that holds it.
class Collective {
 public:
  explicit Collective(const void* communicator) : order(communicator) {}
  virtual ~Collective() = default;
  virtual NodePointer enqueue(std::vector<NodePointer> before) = 0;

  const void* order;  ///< those with the same one run in the order of the calls, on any stream
};

/// Thrown by a node to break the device, as a hardware fault does.
struct DeviceFault : std::runtime_error {
  DeviceFault(cudaError_t kind, const std::string& text) : std::runtime_error(text), status(kind) {}
  cudaError_t status;
};

enum class Place { device, pinned };

struct Allocation {
  std::size_t bytes = 0;
  Place place = Place::device;
  int device = 0;
  std::int64_t number = 0;  // counted from 1, over the process
};

/// A stream capture in progress.
struct Capture {
  CUgraph_st* graph = nullptr;
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal;
  std::thread::id thread;
  bool invalid = false;
  std::set<CUstream_st*> streams;  // origin and those that joined
};

struct Simulation {
  std::recursive_mutex mutex;
  std::mt19937_64 random;

  std::vector<NodePointer> runnable;
  std::vector<NodePointer> waiting;      // reached, and not released by their meetings
  std::condition_variable_any progress;  // for threads that wait for other threads
  int waiting_threads = 0;
  double patience_seconds = 60;
  std::map<int, std::size_t> pending_on;  // by device
  std::size_t pending = 0;
  std::int64_t nodes_run = 0;
  std::map<std::string, std::int64_t> calls;
  std::uint64_t observations = 0;
  cudaError_t sticky = cudaSuccess;

  std::map<std::uintptr_t, Allocation> allocations;  // by address
  std::int64_t allocations_made = 0;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;
  std::size_t communicators = 0;  // tests/emulator/nccl
  std::vector<std::unique_ptr<Capture>> captures;
  NodePointer legacy_last;  // of the default stream

  std::map<Fault, std::int64_t> countdown;
  std::map<cudaError_t, std::string> details;  // the latest explanation of each status
  Identity identity;
  int devices = 2;
  std::size_t memory_bytes = std::size_t{4096} << 20;  // see memory_of_device()
};
/// The process's simulated device. Never destroyed: static objects may release after main.
Simulation& simulation();

/// What CUDA keeps for each thread. (A function: GCC's sanitizer misreads extern thread_local.)
struct ThreadState {
  bool inside_node = false;  // this thread is running a node: CUDA may not be called
  cudaError_t last_error = cudaSuccess;
  int device = 0;
};
ThreadState& this_thread();

/// Stores the explanation for cudaGetErrorString and returns `status`.
cudaError_t explain(cudaError_t status, const std::string& text);

/// Every CUDA call goes through it: one at a time, refused inside a node and after a sticky error.
/// Keeps the status for cudaGetLastError.
template <class Body>
cudaError_t api_call(const char* name, const Body& body) {
  if (this_thread().inside_node) {
    return this_thread().last_error =
               explain(cudaErrorNotPermitted, std::string(name) + " from a host function");
  }
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  ++device.calls[name];
  cudaError_t status = device.sticky;
  if (status == cudaSuccess) status = body(device);
  if (status == cudaSuccess) status = device.sticky;
  if (status != cudaSuccess && status != cudaErrorNotReady) this_thread().last_error = status;
  return status;
}

/// Whether the injected failure of this kind is due now.
bool fault_due(Fault fault);

// scheduler.cpp
NodePointer add_node(std::string name, std::function<void()> work, std::vector<NodePointer> before,
                     int device);
/// A node that runs when its meeting releases it.
void release(const NodePointer& node);
// A thread that waits for a meeting gives up the lock until other threads have done something.
void run_until(const NodePointer& node);  ///< null: nothing to wait for
void run_all(int device);                 ///< everything, until nothing is pending on this device
void run_some();                          ///< at least one node if there is one
void forget_pending();

/// Memory of each simulated GPU: what pretend() or else the environment sets.
inline std::size_t memory_of_device(const Simulation& device) {
  return device.identity.memory_bytes > 0 ? device.identity.memory_bytes : device.memory_bytes;
}

// memory.cpp
/// The live allocation that holds [data, data + bytes), or null.
const Allocation* find_allocation(const void* data, std::size_t bytes);
/// Under AddressSanitizer the host may not touch device memory except while nodes run.
void open_device_memory();
void close_device_memory();

// capture.cpp
/// Work for `stream`: a node of the device, or of the graph being captured.
cudaError_t submit(cudaStream_t stream, std::string name, std::function<void()> work);
/// Refuses calls that a capture forbids to this thread, and invalidates that capture.
cudaError_t refuse_during_capture(const char* call);
cudaError_t submit_collective(cudaStream_t stream, std::string name,
                              std::shared_ptr<Collective> collective);
bool is_live(cudaStream_t stream);

}  // namespace dcgan::emulator

// cudart's opaque types, as the simulation makes them.
struct CUstream_st {
  dcgan::emulator::NodePointer last;
  bool blocking = false;  // ordered with the default stream
  int device = 0;
  dcgan::emulator::Capture* capture = nullptr;
  std::vector<std::size_t> captured_last;  // what its next captured node depends on
};

struct CUevent_st {
  std::thread::id recorder;
  dcgan::emulator::NodePointer mark;
  dcgan::emulator::Capture* capture = nullptr;  // recorded inside this capture
  std::vector<std::size_t> captured;
};

struct GraphNode {
  std::string name;
  std::function<void()> work;
  std::vector<std::size_t> before;  // indices in the graph's list, all smaller than its own
  std::shared_ptr<dcgan::emulator::Collective> collective;  // in place of work
};

struct CUgraph_st {
  std::vector<GraphNode> nodes;
};

struct CUgraphExec_st {
  std::vector<GraphNode> nodes;
  dcgan::emulator::NodePointer
      last;  // end of the latest replay: replays of one graph never overlap
};

// Runs nodes: one at a time, when the host observes something, in a random order of those allowed.
#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/emulator/runtime/state.h"

namespace dcgan::emulator {
namespace {

// A random index below count. Not uniform_int_distribution: its numbers differ between libraries.
std::size_t draw(Simulation& device, std::size_t count) {
  return static_cast<std::size_t>(device.random() % count);
}

void execute(Simulation& device, Node& node) {
  if (!node.work || device.sticky != cudaSuccess) return;  // a broken device runs nothing more
  this_thread().inside_node = true;
  try {
    if (fault_due(Fault::execution)) {
      throw DeviceFault(cudaErrorIllegalAddress, "injected into " + node.name);
    }
    node.work();
  } catch (const DeviceFault& fault) {
    device.sticky = explain(fault.status, node.name + ": " + fault.what());
  } catch (const std::exception& error) {
    device.sticky = explain(cudaErrorLaunchFailure, node.name + ": " + error.what());
  }
  this_thread().inside_node = false;
}

void run_node(Simulation& device, std::size_t place) {
  const NodePointer node = device.runnable[place];
  device.runnable[place] = std::move(device.runnable.back());
  device.runnable.pop_back();
  if (device.waiting_threads > 0) device.progress.notify_all();
  if (node->meeting != nullptr && !node->released) {
    device.waiting.push_back(node);
    node->meeting->reached(node);
    return;
  }
  execute(device, *node);
  node->done = true;
  node->sequence = ++device.nodes_run;
  node->work = nullptr;
  node->before.clear();
  node->meeting = nullptr;
  --device.pending;
  --device.pending_on[node->device];
  for (NodePointer& next : node->after) {
    if (--next->waits_for == 0) device.runnable.push_back(std::move(next));
  }
  node->after.clear();
}

// Marks the nodes that must run before `node`. Iterative: a chain can have as many nodes as a run.
void mark_wanted(Simulation& device, const NodePointer& node) {
  ++device.observations;
  std::vector<Node*> open{node.get()};
  while (!open.empty()) {
    Node* next = open.back();
    open.pop_back();
    if (next->done || next->wanted_by == device.observations) continue;
    next->wanted_by = device.observations;
    for (const NodePointer& before : next->before) open.push_back(before.get());
    if (next->meeting == nullptr) continue;
    for (const NodePointer& other : next->meeting->nodes()) open.push_back(other.get());
  }
}

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// A random runnable node; with `needed_only` one of those that the observation needs. kNone: all
// that could run has run.
std::size_t pick(Simulation& device, bool needed_only) {
  if (!needed_only) return device.runnable.empty() ? kNone : draw(device, device.runnable.size());
  std::vector<std::size_t> wanted;
  for (std::size_t place = 0; place < device.runnable.size(); ++place) {
    if (device.runnable[place]->wanted_by == device.observations) wanted.push_back(place);
  }
  return wanted.empty() ? kNone : wanted[draw(device, wanted.size())];
}

// While it exists, this thread may access device memory: nodes are running.
struct OpenMemory {
  OpenMemory() { open_device_memory(); }
  ~OpenMemory() { close_device_memory(); }
};

// Waits for what other threads do, with the simulation unlocked and device memory closed.
class OtherThreads {
 public:
  void wait(Simulation& device) {
    close_device_memory();
    ++device.waiting_threads;
    device.progress.wait_for(device.mutex, std::chrono::milliseconds(5));
    --device.waiting_threads;
    open_device_memory();
    if (device.nodes_run != nodes_run_) {
      nodes_run_ = device.nodes_run;
      since_ = Clock::now();
    } else if (std::chrono::duration<double>(Clock::now() - since_).count() >
               device.patience_seconds) {
      const std::vector<NodePointer> late = device.waiting;
      for (const NodePointer& node : late) {
        if (!node->released) node->meeting->give_up();
      }
      since_ = Clock::now();
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point since_ = Clock::now();
  std::int64_t nodes_run_ = -1;
};

}  // namespace

NodePointer add_node(std::string name, std::function<void()> work, std::vector<NodePointer> before,
                     int ordinal) {
  Simulation& device = simulation();
  std::erase_if(before, [](const NodePointer& node) { return node == nullptr || node->done; });
  auto node = std::make_shared<Node>();
  node->name = std::move(name);
  node->device = ordinal;
  node->work = std::move(work);
  node->before = std::move(before);
  node->waits_for = node->before.size();
  for (const NodePointer& earlier : node->before) earlier->after.push_back(node);
  ++device.pending;
  ++device.pending_on[ordinal];
  if (node->waits_for == 0) device.runnable.push_back(node);
  if (device.waiting_threads > 0) device.progress.notify_all();
  return node;
}

void release(const NodePointer& node) {
  Simulation& device = simulation();
  node->released = true;
  const auto found = std::find(device.waiting.begin(), device.waiting.end(), node);
  if (found == device.waiting.end()) return;
  device.runnable.push_back(std::move(*found));
  device.waiting.erase(found);
  if (device.waiting_threads > 0) device.progress.notify_all();
}

// Half of the observations also run work that they do not need, half leave it as late as allowed.
// The first finds values that are overwritten too early, the second values read too early.
void run_until(const NodePointer& node) {
  if (node == nullptr || node->done) return;
  Simulation& device = simulation();
  const OpenMemory memory;
  const bool needed_only = draw(device, 2) == 0;
  if (needed_only) mark_wanted(device, node);
  OtherThreads others;
  while (!node->done) {
    const std::size_t place = pick(device, needed_only);
    if (place != kNone) {
      run_node(device, place);
    } else {
      if (device.sticky != cudaSuccess) return;  // what it waits for may never come
      others.wait(device);
      if (needed_only) mark_wanted(device, node);  // also what was enqueued meanwhile
    }
  }
}

void run_all(int ordinal) {
  Simulation& device = simulation();
  if (device.runnable.empty() && device.pending_on[ordinal] == 0) return;
  const OpenMemory memory;
  OtherThreads others;
  while (true) {
    if (const std::size_t place = pick(device, false); place != kNone) {
      run_node(device, place);
    } else if (device.pending_on[ordinal] > 0 && device.sticky == cudaSuccess) {
      others.wait(device);
    } else {
      return;
    }
  }
}

void run_some() {
  Simulation& device = simulation();
  if (device.runnable.empty()) return;
  const OpenMemory memory;
  const std::size_t count = 1 + draw(device, 4);
  for (std::size_t i = 0; i < count && !device.runnable.empty(); ++i) {
    run_node(device, pick(device, false));
  }
}

void set_patience(double seconds) {
  const std::lock_guard lock(simulation().mutex);
  simulation().patience_seconds = seconds;
}

void forget_pending() {
  Simulation& device = simulation();
  std::vector<NodePointer> open = std::move(device.runnable);
  device.runnable.clear();
  open.insert(open.end(), device.waiting.begin(), device.waiting.end());
  device.waiting.clear();
  // Destroyed one by one: destroying the first would recurse through the whole chain.
  while (!open.empty()) {
    const NodePointer node = std::move(open.back());
    open.pop_back();
    node->done = true;
    node->work = nullptr;
    node->meeting = nullptr;
    node->before.clear();
    for (NodePointer& next : node->after) open.push_back(std::move(next));
    node->after.clear();
  }
  device.pending = 0;
  device.pending_on.clear();
}

}  // namespace dcgan::emulator

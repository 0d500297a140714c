// Runs nodes: one at a time, when the host observes something, in a random order of those allowed.
#include <algorithm>
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
  execute(device, *node);
  node->done = true;
  node->sequence = ++device.nodes_run;
  node->work = nullptr;
  node->before.clear();
  --device.pending;
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
  }
}

// A random runnable node; with `needed_only` one of those that the observation needs.
std::size_t pick(Simulation& device, bool needed_only) {
  if (!needed_only) return draw(device, device.runnable.size());
  std::vector<std::size_t> wanted;
  for (std::size_t place = 0; place < device.runnable.size(); ++place) {
    if (device.runnable[place]->wanted_by == device.observations) wanted.push_back(place);
  }
  return wanted[draw(device, wanted.size())];
}

// While it exists, this thread may access device memory: nodes are running.
struct OpenMemory {
  OpenMemory() { open_device_memory(); }
  ~OpenMemory() { close_device_memory(); }
};

}  // namespace

NodePointer add_node(std::string name, std::function<void()> work,
                     std::vector<NodePointer> before) {
  Simulation& device = simulation();
  std::erase_if(before, [](const NodePointer& node) { return node == nullptr || node->done; });
  auto node = std::make_shared<Node>();
  node->name = std::move(name);
  node->work = std::move(work);
  node->before = std::move(before);
  node->waits_for = node->before.size();
  for (const NodePointer& earlier : node->before) earlier->after.push_back(node);
  ++device.pending;
  if (node->waits_for == 0) device.runnable.push_back(node);
  return node;
}

// Half of the observations also run work that they do not need, half leave it as late as allowed.
// The first finds values that are overwritten too early, the second values read too early.
void run_until(const NodePointer& node) {
  if (node == nullptr || node->done) return;
  Simulation& device = simulation();
  const OpenMemory memory;
  const bool needed_only = draw(device, 2) == 0;
  if (needed_only) mark_wanted(device, node);
  while (!node->done) run_node(device, pick(device, needed_only));
}

void run_all() {
  Simulation& device = simulation();
  if (device.runnable.empty()) return;
  const OpenMemory memory;
  while (!device.runnable.empty()) run_node(device, pick(device, false));
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

void forget_pending() {
  Simulation& device = simulation();
  std::vector<NodePointer> open = std::move(device.runnable);
  device.runnable.clear();
  // Destroyed one by one: destroying the first would recurse through the whole chain.
  while (!open.empty()) {
    const NodePointer node = std::move(open.back());
    open.pop_back();
    node->done = true;
    node->work = nullptr;
    node->before.clear();
    for (NodePointer& next : node->after) open.push_back(std::move(next));
    node->after.clear();
  }
  device.pending = 0;
}

}  // namespace dcgan::emulator

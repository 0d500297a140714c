// Stream capture, and graphs: recorded nodes with the order that streams and events gave them.
#include <algorithm>
#include <utility>

#include "tests/emulator/runtime/state.h"

namespace dcgan::emulator {

namespace {

// The rule of the default stream: it waits for all blocking streams, and they wait for it.
NodePointer submit_legacy(std::string name, std::function<void()> work) {
  Simulation& device = simulation();
  std::vector<NodePointer> before{device.legacy_last};
  for (CUstream_st* stream : device.streams) {
    if (stream->blocking) before.push_back(stream->last);
  }
  device.legacy_last =
      add_node(std::move(name), std::move(work), std::move(before), this_thread().device);
  return device.legacy_last;
}

void add_captured(CUstream_st& stream, GraphNode node) {
  std::vector<GraphNode>& nodes = stream.capture->graph->nodes;
  node.before = stream.captured_last;
  if (node.collective != nullptr) {
    // Behind the one before it of its communicator, on whichever stream that was.
    for (std::size_t place = nodes.size(); place-- > 0;) {
      if (nodes[place].collective == nullptr) continue;
      if (nodes[place].collective->order != node.collective->order) continue;
      node.before.push_back(place);
      break;
    }
  }
  nodes.push_back(std::move(node));
  stream.captured_last = {nodes.size() - 1};
}

void leave_capture(Capture* capture) {
  Simulation& device = simulation();
  for (CUstream_st* stream : capture->streams) {
    stream->capture = nullptr;
    stream->captured_last.clear();
  }
  for (CUevent_st* event : device.events) {
    if (event->capture == capture) *event = {};
  }
  std::erase_if(device.captures, [&](const auto& owned) { return owned.get() == capture; });
}

// Events must have joined the work of every stream back to the origin.
bool all_joined(const Capture& capture) {
  const std::vector<GraphNode>& nodes = capture.graph->nodes;
  std::vector<bool> reached(nodes.size(), false);
  std::vector<std::size_t> open = capture.origin->captured_last;
  while (!open.empty()) {
    const std::size_t place = open.back();
    open.pop_back();
    if (reached[place]) continue;
    reached[place] = true;
    open.insert(open.end(), nodes[place].before.begin(), nodes[place].before.end());
  }
  return std::all_of(reached.begin(), reached.end(), [](bool one) { return one; });
}

cudaError_t end_capture(Simulation& device, cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!is_live(stream) || stream->capture == nullptr) {
    return explain(cudaErrorIllegalState, "the stream is not being captured");
  }
  Capture* capture = stream->capture;
  if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
  if (capture->thread != std::this_thread::get_id()) return cudaErrorStreamCaptureWrongThread;
  const bool invalid = capture->invalid;
  const bool joined = all_joined(*capture);
  CUgraph_st* captured = capture->graph;
  leave_capture(capture);
  if (!invalid && joined) {
    *graph = captured;
    return cudaSuccess;
  }
  device.graphs.erase(captured);
  delete captured;
  if (invalid) return explain(cudaErrorStreamCaptureInvalidated, "a forbidden call came before");
  return explain(cudaErrorStreamCaptureUnjoined,
                 "a stream's work does not lead back to the origin");
}

cudaError_t launch_graph(CUgraphExec_st& graph, cudaStream_t stream) {
  const NodePointer start =
      add_node("graph start", nullptr, {stream->last, graph.last}, stream->device);
  std::vector<NodePointer> made;
  made.reserve(graph.nodes.size());
  for (const GraphNode& node : graph.nodes) {
    std::vector<NodePointer> before{start};
    for (const std::size_t place : node.before) before.push_back(made[place]);
    made.push_back(node.collective != nullptr
                       ? node.collective->enqueue(std::move(before))
                       : add_node(node.name, node.work, std::move(before), stream->device));
  }
  made.push_back(start);  // the end of an empty graph is its start
  graph.last = add_node("graph end", nullptr, std::move(made), stream->device);
  stream->last = graph.last;
  return cudaSuccess;
}

}  // namespace

bool is_live(cudaStream_t stream) { return simulation().streams.count(stream) != 0; }

cudaError_t submit(cudaStream_t stream, std::string name, std::function<void()> work) {
  Simulation& device = simulation();
  if (stream == nullptr) {
    if (!device.captures.empty()) {
      for (const auto& capture : device.captures) capture->invalid = true;
      return explain(cudaErrorStreamCaptureImplicit, name + " on the default stream");
    }
    submit_legacy(std::move(name), std::move(work));
    return cudaSuccess;
  }
  if (!is_live(stream)) {
    return explain(cudaErrorInvalidResourceHandle, name + " on a stream that is not there");
  }
  if (stream->capture != nullptr) {
    if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    add_captured(*stream, {std::move(name), std::move(work), {}, nullptr});
    return cudaSuccess;
  }
  std::vector<NodePointer> before{stream->last};
  if (stream->blocking) before.push_back(device.legacy_last);
  stream->last = add_node(std::move(name), std::move(work), std::move(before), stream->device);
  return cudaSuccess;
}

cudaError_t submit_collective(cudaStream_t stream, std::string name,
                              std::shared_ptr<Collective> collective) {
  if (!is_live(stream)) {
    return explain(cudaErrorInvalidResourceHandle, name + " on a stream that is not there");
  }
  if (stream->capture != nullptr) {
    if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
    add_captured(*stream, {std::move(name), nullptr, {}, std::move(collective)});
    return cudaSuccess;
  }
  stream->last = collective->enqueue({stream->last});
  return cudaSuccess;
}

cudaError_t refuse_during_capture(const char* call) {
  for (const auto& capture : simulation().captures) {
    const bool mine = capture->thread == std::this_thread::get_id();
    const bool forbidden = capture->mode == cudaStreamCaptureModeGlobal ||
                           (capture->mode == cudaStreamCaptureModeThreadLocal && mine);
    if (!forbidden) continue;
    capture->invalid = true;
    return explain(cudaErrorStreamCaptureUnsupported, std::string(call) + " during a capture");
  }
  return cudaSuccess;
}

}  // namespace dcgan::emulator

using namespace dcgan::emulator;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return api_call("cudaStreamBeginCapture", [&](Simulation& device) -> cudaError_t {
    if (stream == nullptr) {
      return explain(cudaErrorStreamCaptureUnsupported, "the default stream");
    }
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture != nullptr) return explain(cudaErrorIllegalState, "captured already");
    auto graph = std::make_unique<CUgraph_st>();
    auto capture = std::make_unique<Capture>(
        Capture{graph.get(), stream, mode, std::this_thread::get_id(), false, {stream}});
    stream->capture = capture.get();
    stream->captured_last.clear();
    device.captures.push_back(std::move(capture));
    device.graphs.insert(graph.release());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return api_call("cudaStreamEndCapture",
                  [&](Simulation& device) { return end_capture(device, stream, graph); });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return api_call("cudaStreamIsCapturing", [&](Simulation&) -> cudaError_t {
    *status = cudaStreamCaptureStatusNone;
    if (stream == nullptr) return cudaSuccess;
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture == nullptr) return cudaSuccess;
    *status = stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return api_call("cudaGraphGetNodes", [&](Simulation& device) -> cudaError_t {
    if (device.graphs.count(graph) == 0) return cudaErrorInvalidValue;
    if (nodes != nullptr) {
      *count = std::min(*count, graph->nodes.size());
      for (std::size_t place = 0; place < *count; ++place) {
        nodes[place] = reinterpret_cast<cudaGraphNode_t>(&graph->nodes[place]);
      }
    } else {
      *count = graph->nodes.size();
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return api_call("cudaGraphNodeGetType", [&](Simulation&) -> cudaError_t {
    const std::string& name = reinterpret_cast<const GraphNode*>(node)->name;
    *type = name == "copy"            ? cudaGraphNodeTypeMemcpy
            : name == "memset"        ? cudaGraphNodeTypeMemset
            : name == "host function" ? cudaGraphNodeTypeHost
                                      : cudaGraphNodeTypeKernel;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  return api_call("cudaGraphInstantiate", [&](Simulation& device) -> cudaError_t {
    if (device.graphs.count(graph) == 0) return cudaErrorInvalidValue;
    if (fault_due(Fault::allocation)) return explain(cudaErrorMemoryAllocation, "injected");
    *executable = new CUgraphExec_st{graph->nodes, nullptr};
    device.executables.insert(*executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return api_call("cudaGraphLaunch", [&](Simulation& device) -> cudaError_t {
    if (device.executables.count(executable) == 0) return cudaErrorInvalidValue;
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture != nullptr) {
      return explain(cudaErrorNotSupported, "child graphs are not simulated");
    }
    if (fault_due(Fault::launch)) return explain(cudaErrorLaunchOutOfResources, "injected");
    return launch_graph(*executable, stream);
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return api_call("cudaGraphExecDestroy", [&](Simulation& device) -> cudaError_t {
    if (device.executables.erase(executable) == 0) return cudaErrorInvalidValue;
    delete executable;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api_call("cudaGraphDestroy", [&](Simulation& device) -> cudaError_t {
    if (device.graphs.erase(graph) == 0) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}

}  // extern "C"

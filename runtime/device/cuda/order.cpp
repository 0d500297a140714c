// Order between streams: events, and the capture and replay of graphs.
#include <cuda_runtime_api.h>

#include <vector>

#include "runtime/device/cuda/check.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan::cuda {
namespace {

struct GraphOwner {
  cudaGraph_t graph = nullptr;
  ~GraphOwner() {
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
};

GraphSize size_of(cudaGraph_t graph) {
  GraphSize size;
  CUDA_TRY(cudaGraphGetNodes(graph, nullptr, &size.nodes));
  std::vector<cudaGraphNode_t> nodes(size.nodes);
  CUDA_TRY(cudaGraphGetNodes(graph, nodes.data(), &size.nodes));
  for (cudaGraphNode_t node : nodes) {
    cudaGraphNodeType type{};
    CUDA_TRY(cudaGraphNodeGetType(node, &type));
    size.kernels += type == cudaGraphNodeTypeKernel ? 1 : 0;
  }
  return size;
}

}  // namespace

CUevent_st* create_event(int ordinal) {
  const CurrentDevice current(ordinal);
  cudaEvent_t event = nullptr;
  CUDA_TRY(cudaEventCreateWithFlags(&event, cudaEventDefault));
  return event;
}

void destroy_event(CUevent_st* event) noexcept { cudaEventDestroy(event); }

void record_event(CUevent_st* event, CUstream_st* stream) {
  CUDA_TRY(cudaEventRecord(event, stream));
}

void wait_event(CUstream_st* stream, CUevent_st* event) {
  CUDA_TRY(cudaStreamWaitEvent(stream, event, cudaEventWaitDefault));
}

void synchronize_event(CUevent_st* event) { CUDA_TRY(cudaEventSynchronize(event)); }

bool is_event_done(CUevent_st* event) {
  const cudaError_t status = cudaEventQuery(event);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // not a failure: the next call must not report it
    return false;
  }
  CUDA_TRY(status);
  return true;
}

double elapsed_ms(CUevent_st* first, CUevent_st* last) {
  float milliseconds = 0;
  CUDA_TRY(cudaEventElapsedTime(&milliseconds, first, last));
  return milliseconds;
}

bool is_capturing(CUstream_st* stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CUDA_TRY(cudaStreamIsCapturing(stream, &status));
  return status != cudaStreamCaptureStatusNone;
}

void begin_capture(CUstream_st* stream) {
  // Thread-local: other threads (ranks of tests) may allocate during the capture; this one may not.
  CUDA_TRY(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}

CUgraphExec_st* end_capture(CUstream_st* stream, GraphSize* size) {
  GraphOwner captured;
  CUDA_TRY(cudaStreamEndCapture(stream, &captured.graph));
  *size = size_of(captured.graph);
  cudaGraphExec_t executable = nullptr;
  CUDA_TRY(cudaGraphInstantiate(&executable, captured.graph, 0));
  return executable;
}

void abandon_capture(CUstream_st* stream) noexcept {
  GraphOwner captured;
  cudaStreamEndCapture(stream, &captured.graph);
  cudaGetLastError();  // the error of an invalidated capture, which is expected here
}

void launch_graph(CUgraphExec_st* graph, CUstream_st* stream) {
  CUDA_TRY(cudaGraphLaunch(graph, stream));
}

void destroy_graph(CUgraphExec_st* graph) noexcept { cudaGraphExecDestroy(graph); }

}  // namespace dcgan::cuda

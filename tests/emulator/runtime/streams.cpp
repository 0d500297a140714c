// Streams, events, host functions, and the launch that the kernels' emulator uses.
#include <utility>

#include "runtime/device/cuda/check.h"
#include "tests/emulator/grid/grid.h"
#include "tests/emulator/runtime/state.h"

using namespace dcgan::emulator;

namespace {

bool is_event(cudaEvent_t event) { return simulation().events.count(event) != 0; }

// Waiting for or querying captured work is forbidden, and invalidates the capture.
cudaError_t refuse_capturing(CUstream_st& stream, const char* call) {
  if (stream.capture == nullptr) return cudaSuccess;
  stream.capture->invalid = true;
  return explain(cudaErrorStreamCaptureUnsupported, std::string(call) + " on a captured stream");
}

cudaError_t refuse_captured(CUevent_st& event, const char* call) {
  if (event.capture == nullptr) return cudaSuccess;
  event.capture->invalid = true;
  return explain(cudaErrorCapturedEvent, std::string(call) + " of an event recorded in a capture");
}

// A wait inside a capture: the stream joins it, or its next node gets one more dependency.
cudaError_t wait_captured(CUstream_st& stream, const CUevent_st& event) {
  if (event.capture == nullptr || (stream.capture && stream.capture != event.capture)) {
    stream.capture->invalid = true;
    return explain(cudaErrorStreamCaptureIsolation, "a wait for an event from outside the capture");
  }
  if (stream.capture == nullptr) {
    stream.capture = event.capture;
    stream.capture->streams.insert(&stream);
  }
  stream.captured_last.insert(stream.captured_last.end(), event.captured.begin(),
                              event.captured.end());
  return cudaSuccess;
}

// A thread that drives no work, as a watchdog, changes neither the order nor the count of calls.
bool is_of_another_thread(cudaEvent_t event) {
  const std::lock_guard lock(simulation().mutex);
  return is_event(event) && event->mark != nullptr && event->recorder != std::this_thread::get_id();
}

cudaError_t look_at(const CUevent_st& event) {
  const std::lock_guard lock(simulation().mutex);
  if (simulation().sticky != cudaSuccess) return simulation().sticky;
  return event.mark->done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t synchronize_device(Simulation&) {
  if (const cudaError_t status = refuse_during_capture("a synchronise"); status != cudaSuccess) {
    return status;
  }
  run_all(this_thread().device);
  return cudaSuccess;
}

}  // namespace

cudaError_t dcgan::emulator::enqueue_kernel(cudaStream_t stream, std::string name,
                                            std::function<void()> work) {
  return api_call("a launch", [&](Simulation&) -> cudaError_t {
    if (fault_due(Fault::launch)) return explain(cudaErrorLaunchOutOfResources, "injected");
    return submit(stream, std::move(name), std::move(work));
  });
}

// The kernels' launch (tests/emulator/grid/grid.h): it throws as the real launch() does.
void dcgan::emulator::enqueue(CUstream_st* stream, const char* kernel, std::function<void()> work) {
  const cudaError_t status = enqueue_kernel(stream, kernel, std::move(work));
  if (status == cudaSuccess) return;
  fail(cuda::kind_of(status), "CUDA: {} from launching {}", cudaGetErrorString(status), kernel);
}

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return api_call("cudaStreamCreateWithFlags", [&](Simulation& device) {
    auto made = std::make_unique<CUstream_st>();
    made->blocking = (flags & cudaStreamNonBlocking) == 0;
    made->device = this_thread().device;
    *stream = made.release();
    device.streams.insert(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return api_call("cudaStreamDestroy", [&](Simulation& device) -> cudaError_t {
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture != nullptr) return explain(cudaErrorIllegalState, "it is being captured");
    device.streams.erase(stream);
    delete stream;  // its nodes still run
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return api_call("cudaStreamSynchronize", [&](Simulation& device) -> cudaError_t {
    if (stream == nullptr) return synchronize_device(device);
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = refuse_capturing(*stream, "a synchronise");
        status != cudaSuccess) {
      return status;
    }
    run_until(stream->last);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api_call("cudaDeviceSynchronize", synchronize_device);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return api_call("cudaStreamQuery", [&](Simulation&) -> cudaError_t {
    if (!is_live(stream)) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = refuse_capturing(*stream, "a query"); status != cudaSuccess) {
      return status;
    }
    if (stream->last == nullptr || stream->last->done) return cudaSuccess;
    run_some();
    return stream->last->done ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return api_call("cudaStreamWaitEvent", [&](Simulation&) -> cudaError_t {
    if (!is_live(stream) || !is_event(event)) return cudaErrorInvalidResourceHandle;
    // Never recorded: nothing to wait for.
    if (event->capture == nullptr && event->mark == nullptr) return cudaSuccess;
    if (stream->capture != nullptr || event->capture != nullptr) {
      return wait_captured(*stream, *event);
    }
    stream->last = add_node("wait", nullptr, {stream->last, event->mark}, stream->device);
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return api_call("cudaLaunchHostFunc", [&](Simulation&) {
    return submit(stream, "host function", [=] { function(data); });
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return api_call("cudaEventCreateWithFlags", [&](Simulation& device) {
    *event = new CUevent_st;
    device.events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api_call("cudaEventDestroy", [&](Simulation& device) -> cudaError_t {
    if (device.events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api_call("cudaEventRecord", [&](Simulation&) -> cudaError_t {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (stream != nullptr && is_live(stream) && stream->capture != nullptr) {
      *event = {std::this_thread::get_id(), nullptr, stream->capture, stream->captured_last};
      return cudaSuccess;
    }
    const cudaError_t status = submit(stream, "record", nullptr);
    if (status != cudaSuccess) return status;
    *event = {std::this_thread::get_id(),
              stream != nullptr ? stream->last : simulation().legacy_last,
              nullptr,
              {}};
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (is_of_another_thread(event)) return look_at(*event);
  return api_call("cudaEventQuery", [&](Simulation&) -> cudaError_t {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = refuse_captured(*event, "a query"); status != cudaSuccess) {
      return status;
    }
    if (event->mark == nullptr || event->mark->done) return cudaSuccess;
    run_some();
    return event->mark->done ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api_call("cudaEventSynchronize", [&](Simulation&) -> cudaError_t {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t status = refuse_captured(*event, "a synchronise");
        status != cudaSuccess) {
      return status;
    }
    run_until(event->mark);
    return cudaSuccess;
  });
}

// Simulated time: a node takes a microsecond.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t first, cudaEvent_t last) {
  return api_call("cudaEventElapsedTime", [&](Simulation&) -> cudaError_t {
    if (!is_event(first) || !is_event(last) || !first->mark || !last->mark) {
      return explain(cudaErrorInvalidResourceHandle, "an event that was not recorded");
    }
    if (!first->mark->done || !last->mark->done) return cudaErrorNotReady;
    *milliseconds = static_cast<float>(last->mark->sequence - first->mark->sequence) * 1e-3f;
    return cudaSuccess;
  });
}

}  // extern "C"

// NCCL's collectives.
#include <fmt/format.h>

#include <utility>

#include "tests/emulator/nccl/clique.h"

namespace dcgan::emulator::nccl {
namespace {

// One call, with the sizes of what it reads and writes.
struct Request {
  Signature signature;
  const void* from;
  void* to;
  std::size_t from_bytes;
  std::size_t to_bytes;
  cudaStream_t stream;
};

// What is wrong with the arguments; empty: nothing.
std::string fault_in(const ncclComm& own, const Request& request) {
  if (size_of(request.signature.type) == 0) return "a type not in use";
  if (!is_live(request.stream)) return "a stream that is not there";
  if (request.stream->device != own.device) return "a stream of another device";
  for (const auto& [data, bytes] :
       {std::pair<const void*, std::size_t>{request.from, request.from_bytes},
        {request.to, request.to_bytes}}) {
    const Allocation* memory = find_allocation(data, bytes);
    if (memory == nullptr || memory->place != Place::device || memory->device != own.device) {
      return fmt::format("{} bytes that do not lie in memory of device {}", bytes, own.device);
    }
  }
  return "";
}

ncclResult_t enqueue(ncclComm& own, const Request& request) {
  const cudaError_t status =
      submit_collective(request.stream, std::string(request.signature.operation),
                        std::make_shared<Call>(own, request.signature, request.from, request.to));
  if (status == cudaSuccess) return ncclSuccess;
  return explain(own, ncclUnhandledCudaError,
                 fmt::format("Cuda failure {}", cudaGetErrorString(status)));
}

ncclResult_t call(ncclComm& own, const Request& request) {
  if (own.clique->error != ncclSuccess) return own.clique->error;
  if (own.error != ncclSuccess) return own.error;
  const std::string what = fmt::format("rank {}: {}", own.rank, text_of(request.signature));
  if (own.state != ncclComm::State::ready || own.unfinished != nullptr) {
    return report(own, what + " called while another call is in progress");
  }
  if (const std::string fault = fault_in(own, request); !fault.empty()) {
    return report(own, what + ": " + fault);
  }
  const auto failing = library().failing.find(own.rank);
  if (++own.calls; failing != library().failing.end() && failing->second.first == own.calls) {
    return explain(own, failing->second.second, "injected into " + what);
  }
  own.polls_left = library().random() % 3;
  if (own.polls_left == 0) return enqueue(own, request);
  own.unfinished = [&own, request] { return enqueue(own, request); };
  return ncclInProgress;
}

}  // namespace
}  // namespace dcgan::emulator::nccl

using namespace dcgan::emulator::nccl;

extern "C" {

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t communicator, cudaStream_t stream) {
  return nccl_call(communicator, "ncclAllReduce", [&](ncclComm& own) {
    const std::size_t bytes = count * size_of(type);
    return call(own, {{"all_reduce", count, type, op, 0}, from, to, bytes, bytes, stream});
  });
}

ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           int root, ncclComm_t communicator, cudaStream_t stream) {
  return nccl_call(communicator, "ncclBroadcast", [&](ncclComm& own) {
    const std::size_t bytes = count * size_of(type);
    return call(own, {{"broadcast", count, type, ncclSum, root}, from, to, bytes, bytes, stream});
  });
}

ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           ncclComm_t communicator, cudaStream_t stream) {
  return nccl_call(communicator, "ncclAllGather", [&](ncclComm& own) {
    const std::size_t bytes = count * size_of(type);
    return call(own, {{"all_gather", count, type, ncclSum, 0},
                      from,
                      to,
                      bytes,
                      bytes * own.clique->size(),
                      stream});
  });
}

}  // extern "C"

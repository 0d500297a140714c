// NCCL's functions that make, watch and end communicators.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "tests/emulator/nccl/clique.h"

namespace dcgan::emulator::nccl {
namespace {

std::string key_of(const ncclUniqueId& id) { return {id.internal, sizeof id.internal}; }

// Only threads of this process meet: an id of another process is of no use.
constexpr char kMark[] = "emulated NCCL";

bool is_alive(ncclComm_t communicator) {
  const auto& all = library().communicators;
  return communicator != nullptr && communicator->state != ncclComm::State::ended &&
         std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return one.get() == communicator; });
}

void end(ncclComm& communicator) {
  communicator.state = ncclComm::State::ended;
  communicator.last = nullptr;
  communicator.unfinished = nullptr;
  --simulation().communicators;
}

void check_devices(Clique& clique) {
  for (const ncclComm* one : clique.ranks) {
    for (const ncclComm* other : clique.ranks) {
      if (one->rank >= other->rank || one->device != other->device) continue;
      clique.end(ncclInvalidUsage,
                 fmt::format("Duplicate GPU detected: ranks {} and {} are both on "
                             "CUDA device {}",
                             one->rank, other->rank, one->device));
    }
  }
}

ncclResult_t join(Library& nccl, ncclComm_t* communicator, std::size_t size, const ncclUniqueId& id,
                  int rank) {
  if (std::memcmp(id.internal, kMark, sizeof kMark) != 0) return ncclInvalidArgument;
  std::unique_ptr<Clique>& clique = nccl.cliques[key_of(id)];
  if (clique == nullptr) {
    clique = std::make_unique<Clique>();
    clique->ranks.resize(size);
  }
  if (clique->size() != size || rank < 0 || static_cast<std::size_t>(rank) >= size ||
      clique->ranks[static_cast<std::size_t>(rank)] != nullptr) {
    return ncclInvalidArgument;
  }
  nccl.communicators.push_back(std::make_unique<ncclComm>());
  *communicator = nccl.communicators.back().get();
  (*communicator)->clique = clique.get();
  (*communicator)->rank = rank;
  (*communicator)->device = this_thread().device;
  clique->ranks[static_cast<std::size_t>(rank)] = *communicator;
  ++simulation().communicators;
  if (clique->complete()) check_devices(*clique);
  return ncclInProgress;
}

// The state of what was called last.
ncclResult_t progress(ncclComm& own) {
  if (own.clique->error != ncclSuccess) return own.clique->error;
  if (own.error != ncclSuccess) return own.error;
  if (own.state == ncclComm::State::joining) {
    if (!own.clique->complete()) return ncclInProgress;
    own.state = ncclComm::State::ready;
  }
  if (own.state == ncclComm::State::finalizing) {
    if (own.finalizer == std::this_thread::get_id()) run_some();  // a GPU needs nobody for it
    const bool done = own.last == nullptr || own.last->done;
    const auto has_finished = [](const ncclComm* one) {
      return one->state == ncclComm::State::finalizing ||
             (one->state == ncclComm::State::ended && !one->aborted);
    };
    const auto& all = own.clique->ranks;
    return done && std::all_of(all.begin(), all.end(), has_finished) ? ncclSuccess : ncclInProgress;
  }
  if (own.unfinished == nullptr) return ncclSuccess;
  if (own.polls_left > 1) return --own.polls_left, ncclInProgress;
  const ncclResult_t result = std::exchange(own.unfinished, nullptr)();
  if (result != ncclSuccess) own.error = result;
  return result;
}

ncclResult_t finalize(ncclComm& own) {
  if (own.unfinished != nullptr) {
    return report(own, fmt::format("rank {}: finalized while a call is in progress", own.rank));
  }
  if (own.calls_kept > 0) {
    return report(own, fmt::format("rank {}: finalized while graphs hold {} of its collectives",
                                   own.rank, own.calls_kept));
  }
  own.state = ncclComm::State::finalizing;
  own.finalizer = std::this_thread::get_id();
  for (const auto& [number, open] : own.clique->rounds) {
    const std::shared_ptr<Round> round = open.lock();
    if (round == nullptr || number <= own.runs) continue;
    return report(own, fmt::format("{}; rank {} has finished after #{}", round->description(),
                                   own.rank, own.runs));
  }
  return ncclInProgress;
}

}  // namespace

Library& library() {
  static Library* const nccl = new Library;
  return *nccl;
}

ncclResult_t explain(ncclComm& communicator, ncclResult_t result, const std::string& text) {
  communicator.error_text = text;
  return result;
}

ncclResult_t report(ncclComm& communicator, const std::string& text) {
  library().reports.push_back(text);
  communicator.clique->end(ncclInvalidUsage, text);
  return explain(communicator, ncclInvalidUsage, text);
}

ncclResult_t begin_call(ncclComm_t communicator, const char* function) {
  std::function<void(const char*)> hook;
  {
    const std::lock_guard lock(simulation().mutex);
    if (!is_alive(communicator)) {
      library().reports.push_back(std::string(function) + " after the communicator's end");
      return ncclInvalidArgument;
    }
    const std::thread::id self = std::this_thread::get_id();
    if (communicator->user != std::thread::id{} && communicator->user != self) {
      return report(*communicator, fmt::format("rank {}: {} while another thread is inside a call",
                                               communicator->rank, function));
    }
    communicator->user = self;
    hook = library().hook;
  }
  if (hook) hook(function);
  return ncclSuccess;
}

void end_call(ncclComm& communicator) { communicator.user = {}; }

}  // namespace dcgan::emulator::nccl

using namespace dcgan::emulator;
using namespace dcgan::emulator::nccl;

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static std::atomic<std::uint64_t> made{0};
  *id = {};
  std::memcpy(id->internal, kMark, sizeof kMark);
  const std::uint64_t number = ++made;
  std::memcpy(id->internal + sizeof kMark, &number, sizeof number);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclSystemError:
      return "system error";
    case ncclInternalError:
      return "internal error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    default:
      return "an error that is not simulated";
  }
}

const char* ncclGetLastError(ncclComm_t communicator) {
  static thread_local std::string text;
  const std::lock_guard lock(simulation().mutex);
  if (communicator == nullptr) return "";
  text = communicator->error_text.empty() ? communicator->clique->error_text
                                          : communicator->error_text;
  return text.c_str();
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  const std::lock_guard lock(simulation().mutex);
  if (config == nullptr || config->blocking != 0) {
    library().reports.push_back("a communicator whose calls may block");
    return ncclInvalidArgument;
  }
  *communicator = nullptr;
  return join(library(), communicator, static_cast<std::size_t>(size), id, rank);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* result) {
  return nccl_call(communicator, "ncclCommGetAsyncError", [&](ncclComm& own) {
    *result = progress(own);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommFinalize(ncclComm_t communicator) {
  return nccl_call(communicator, "ncclCommFinalize", finalize);
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
  return nccl_call(communicator, "ncclCommDestroy", [](ncclComm& own) {
    if (own.state != ncclComm::State::finalizing || progress(own) != ncclSuccess) {
      return report(own, fmt::format("rank {}: destroyed before it has finished", own.rank));
    }
    end(own);
    return ncclSuccess;
  });
}

ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  return nccl_call(communicator, "ncclCommAbort", [](ncclComm& own) {
    own.aborted = true;
    end(own);
    const auto rounds = own.clique->rounds;
    for (const auto& [number, open] : rounds) {
      if (const std::shared_ptr<Round> round = open.lock()) round->let_go(own.rank);
    }
    return ncclSuccess;
  });
}

}  // extern "C"

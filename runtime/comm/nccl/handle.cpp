#include "runtime/comm/nccl/handle.h"

#include <cstring>
#include <utility>

namespace dcgan::nccl {
namespace {

// While connecting, what NCCL calls invalid usage is about the machine: two ranks on one GPU,
// versions that differ.
ErrorKind kind_when_connecting(ncclResult_t result) {
  return result == ncclInvalidUsage ? ErrorKind::unavailable : kind_of(result);
}

}  // namespace

Handle::Handle(Shard shard, const NcclId& id) {
  ncclUniqueId vendor_id;
  static_assert(sizeof vendor_id == sizeof id.bytes);
  std::memcpy(&vendor_id, id.bytes.data(), sizeof vendor_id);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const ncclResult_t result =
      ncclCommInitRankConfig(&communicator_, shard.world_size, vendor_id, shard.rank, &config);
  if (result == ncclSuccess || result == ncclInProgress) return;
  const std::string text = text_of(result, communicator_);
  abort();  // NCCL makes a communicator also when it cannot connect
  fail(kind_when_connecting(result), "{} from ncclCommInitRankConfig", text);
}

Handle::~Handle() { abort(); }

bool Handle::is_in_progress() {
  ncclResult_t state = ncclSuccess;
  use([&](ncclComm_t communicator) {
    NCCL_TRY(communicator, ncclCommGetAsyncError(communicator, &state));
    if (state == ncclSuccess || state == ncclInProgress) return;
    fail(connected_ ? ErrorKind::peer_lost : kind_when_connecting(state), "{}",
         text_of(state, communicator));
  });
  return state == ncclInProgress;
}

std::string Handle::error() {
  const std::lock_guard lock(mutex_);
  if (communicator_ == nullptr) return "";
  ncclResult_t state = ncclSuccess;
  NCCL_TRY(communicator_, ncclCommGetAsyncError(communicator_, &state));
  if (state == ncclSuccess || state == ncclInProgress) return "";
  return text_of(state, communicator_);
}

ncclComm_t Handle::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(communicator_, nullptr);
}

void Handle::abort() noexcept {
  // A failure to end what is broken changes nothing for the caller.
  if (ncclComm_t communicator = take(); communicator != nullptr) ncclCommAbort(communicator);
}

void Handle::destroy() {
  if (ncclComm_t communicator = take(); communicator != nullptr) {
    NCCL_TRY(nullptr, ncclCommDestroy(communicator));
  }
}

}  // namespace dcgan::nccl

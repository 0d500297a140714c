// The owner of NCCL's communicator, for two threads: the rank's own and the watchdog.
#pragma once

#include <nccl.h>

#include <mutex>
#include <string>

#include "runtime/comm/nccl/check.h"
#include "runtime/comm/nccl/nccl.h"

namespace dcgan::nccl {

/// NCCL allows one call at a time for a communicator, and frees it in ncclCommAbort, whoever else
/// is using it. The rule here: every call is made under one mutex and does not wait (blocking = 0),
/// so neither does the mutex. What ends the communicator takes it out under the mutex and then
/// calls NCCL without it: no other call can be under way or follow, and none waits for NCCL, which
/// may take as long as graphs hold collectives. The watchdog alone calls abort() while others may
/// still call.
class Handle {
 public:
  /// Begins to connect on the current GPU; is_in_progress() until it has.
  Handle(Shard shard, const NcclId& id);
  ~Handle();                       ///< as abort()
  Handle(const Handle&) = delete;  // one communicator, one owner
  Handle& operator=(const Handle&) = delete;

  /// call(ncclComm_t), which uses NCCL_TRY. Throws Error(peer_lost) after the end.
  template <class Call>
  void use(const Call& call) {
    const std::lock_guard lock(mutex_);
    if (communicator_ == nullptr) fail(ErrorKind::peer_lost, "NCCL: the connection has ended");
    call(communicator_);
  }

  /// Whether the last call is in progress. Throws what NCCL has found since, as Error(peer_lost),
  /// or by its kind while connecting.
  bool is_in_progress();
  /// NCCL's text of what it has found; empty: nothing, or the connection has ended.
  std::string error();
  /// Nothing is in progress: later errors are the other ranks' doing.
  void set_connected() { connected_ = true; }

  /// Kernels that wait for other ranks return. Once; later calls do nothing.
  void abort() noexcept;
  /// After ncclCommFinalize has finished.
  void destroy();

 private:
  ncclComm_t take();

  std::mutex mutex_;
  ncclComm_t communicator_ = nullptr;  // null: ended
  bool connected_ = false;             // of the rank's own thread
};

}  // namespace dcgan::nccl

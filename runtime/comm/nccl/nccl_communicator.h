// Collectives by NCCL.
#pragma once

#include <optional>

#include "runtime/comm/communicator.h"
#include "runtime/comm/nccl/handle.h"
#include "runtime/comm/nccl/watchdog.h"
#include "runtime/device/event.h"
#include "runtime/device/memory.h"

namespace dcgan::nccl {

/// The contract is at connect_nccl().
class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const Context& context, Shard shard, const NcclId& id, double timeout_seconds);
  ~NcclCommunicator() override { detach(); }

  std::string describe() const override;

 private:
  void do_all_reduce(const Context& context, TensorView values, ReduceOp op) override;
  void do_broadcast(const Context& context, TensorView values, int root) override;
  void do_all_gather(const Context& context, ConstTensorView from, TensorView to) override;
  void do_barrier() override;
  void do_watch(const Context& context) override { watchdog_->watch(context); }
  void do_finish() override;
  void do_abort() noexcept override { watchdog_->wake(); }

  void require_same_gpu(const Context& context, const char* call) const;
  /// Until the last call has done what it does on the host: enqueue.
  void wait_until_ready(const char* call);
  template <class Done>
  void wait(const char* call, const Done& done);

  double timeout_seconds_;
  Context own_;         // barriers wait for no other work than collectives
  Buffer barrier_sum_;  // (1) i32, zero
  Event barrier_end_;
  Handle handle_;
  std::optional<Watchdog> watchdog_;  // made when connected; ends first: it uses the others
};

}  // namespace dcgan::nccl

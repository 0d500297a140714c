// CPU ranks in a ring of TCP connections.
#pragma once

#include "runtime/comm/communicator.h"
#include "runtime/comm/rendezvous/rendezvous.h"

namespace dcgan {

/// Large reductions are a reduce-scatter and a gather around the ring (Patarasu and Yuan 2009):
/// every rank sends 2 (N - 1) / N of the values. Small ones gather all ranks' values and reduce
/// them in the order of ranks. The host waits in every call; context.is_cuda() is refused.
class TcpCommunicator final : public Communicator {
 public:
  /// Connects the ring through the meeting's listener. Throws Error(peer_lost).
  TcpCommunicator(const Shard& shard, const Meeting& meeting, double timeout_seconds);
  ~TcpCommunicator() override { detach(); }

  std::string describe() const override { return "TCP"; }

 private:
  using Bytes = std::span<std::byte>;
  using ConstBytes = std::span<const std::byte>;

  void do_all_reduce(const Context& context, TensorView values, ReduceOp op) override;
  void do_broadcast(const Context& context, TensorView values, int root) override;
  void do_all_gather(const Context& context, ConstTensorView from, TensorView to) override;
  void do_barrier() override;
  void do_abort() noexcept override { stop_ = true; }

  void reduce_small(TensorView values, ReduceOp op);
  void reduce_in_ring(TensorView values, ReduceOp op);
  /// One step of the ring: to the next rank, from the one before.
  void pass(ConstBytes out, Bytes in);
  void gather(ConstBytes own, Bytes all);
  int ring(int rank) const { return (rank % size() + size()) % size(); }

  Socket next_;
  Socket previous_;
  double timeout_seconds_;
  std::atomic<bool> stop_{false};
  std::vector<std::byte> scratch_;
};

}  // namespace dcgan

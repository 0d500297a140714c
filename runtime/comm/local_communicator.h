// The communicator of a training on one rank.
#pragma once

#include "runtime/comm/communicator.h"

namespace dcgan {

/// A world of one: a reduction and a broadcast leave their values as they are, a gather copies
/// them, a barrier returns at once. Arguments are checked as in any world.
class LocalCommunicator final : public Communicator {
 public:
  LocalCommunicator();

  std::string describe() const override { return "one rank"; }

 private:
  void do_all_reduce(const Context& context, TensorView values, ReduceOp op) override;
  void do_broadcast(const Context& context, TensorView values, int root) override;
  void do_all_gather(const Context& context, ConstTensorView from, TensorView to) override;
  void do_barrier() override;
  void do_abort() noexcept override;
};

}  // namespace dcgan

#include "runtime/comm/local_communicator.h"

#include "runtime/device/memory.h"

namespace dcgan {

LocalCommunicator::LocalCommunicator() : Communicator({0, 1}) {}

void LocalCommunicator::do_all_reduce(const Context&, TensorView, ReduceOp) {}

void LocalCommunicator::do_broadcast(const Context&, TensorView, int) {}

void LocalCommunicator::do_all_gather(const Context& context, ConstTensorView from, TensorView to) {
  if (from.data != to.data) copy(context, from, to);
}

void LocalCommunicator::do_barrier() {}

void LocalCommunicator::do_abort() noexcept {}

}  // namespace dcgan

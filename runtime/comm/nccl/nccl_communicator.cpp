#include "runtime/comm/nccl/nccl_communicator.h"

#include <chrono>
#include <cstring>
#include <thread>

namespace dcgan::nccl {
namespace {

ncclDataType_t vendor_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ncclFloat32;
    case DType::bf16:
      return ncclBfloat16;
    case DType::f64:
      return ncclFloat64;
    case DType::u8:
      return ncclUint8;
    case DType::i32:
      return ncclInt32;
    case DType::i64:
      return ncclInt64;
  }
  fail(ErrorKind::internal, "NCCL: no type for {}", static_cast<int>(dtype));
}

ncclRedOp_t vendor_op(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      return ncclSum;
    case ReduceOp::min:
      return ncclMin;
    case ReduceOp::max:
      return ncclMax;
  }
  fail(ErrorKind::internal, "NCCL: no operation for {}", static_cast<int>(op));
}

std::size_t count_of(const ConstTensorView& tensor) {
  return static_cast<std::size_t>(tensor.elements());
}

// Lets other threads in at once, and sleeps when it takes longer.
void pause_between_looks(int looks) {
  constexpr int kQuickLooks = 100;
  if (looks < kQuickLooks) return std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::microseconds(looks < 2 * kQuickLooks ? 20 : 500));
}

}  // namespace

NcclCommunicator::NcclCommunicator(const Context& context, Shard shard, const NcclId& id,
                                   double timeout_seconds)
    : Communicator(shard),
      timeout_seconds_(timeout_seconds),
      own_(context.device(),
           {context.memory(MemoryKind::device), context.memory(MemoryKind::pinned)}),
      barrier_sum_(own_, sizeof(std::int32_t)),
      barrier_end_(own_),
      handle_(shard, id) {
  fill_zero(own_, {barrier_sum_.data(), {1}, DType::i32});
  wait_until_ready("connecting");
  handle_.set_connected();
  watchdog_.emplace(*this, handle_, own_, timeout_seconds);
}

std::string NcclCommunicator::describe() const {
  int version = 0;
  NCCL_TRY(nullptr, ncclGetVersion(&version));
  return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

void NcclCommunicator::require_same_gpu(const Context& context, const char* call) const {
  DCGAN_CHECK(context.device() == own_.device(), "{}: a communicator of {} got work for {}", call,
              to_string(own_.device()), to_string(context.device()));
}

void NcclCommunicator::do_all_reduce(const Context& context, TensorView values, ReduceOp op) {
  require_same_gpu(context, "all_reduce");
  handle_.use([&](ncclComm_t nccl) {
    NCCL_TRY(nccl, ncclAllReduce(values.data, values.data, count_of(values),
                                 vendor_type(values.dtype), vendor_op(op), nccl, context.stream()));
  });
  wait_until_ready("all_reduce");
}

void NcclCommunicator::do_broadcast(const Context& context, TensorView values, int root) {
  require_same_gpu(context, "broadcast");
  handle_.use([&](ncclComm_t nccl) {
    NCCL_TRY(nccl, ncclBroadcast(values.data, values.data, count_of(values),
                                 vendor_type(values.dtype), root, nccl, context.stream()));
  });
  wait_until_ready("broadcast");
}

void NcclCommunicator::do_all_gather(const Context& context, ConstTensorView from, TensorView to) {
  require_same_gpu(context, "all_gather");
  handle_.use([&](ncclComm_t nccl) {
    NCCL_TRY(nccl, ncclAllGather(from.data, to.data, count_of(from), vendor_type(from.dtype), nccl,
                                 context.stream()));
  });
  wait_until_ready("all_gather");
}

void NcclCommunicator::do_barrier() {
  handle_.use([&](ncclComm_t nccl) {
    NCCL_TRY(nccl, ncclAllReduce(barrier_sum_.data(), barrier_sum_.data(), 1, ncclInt32, ncclSum,
                                 nccl, own_.stream()));
  });
  wait_until_ready("barrier");
  barrier_end_.record(own_);
  wait("barrier", [&] {
    handle_.is_in_progress();  // throws what NCCL has found
    return barrier_end_.is_done();
  });
}

void NcclCommunicator::do_finish() {
  try {
    handle_.use([](ncclComm_t nccl) { NCCL_TRY(nccl, ncclCommFinalize(nccl)); });
    wait_until_ready("finish");
    handle_.destroy();
  } catch (const Error& error) {
    abort(error.what());
    if (error.kind() == ErrorKind::peer_lost) check();  // throws the reason that came first
    throw;
  }
}

void NcclCommunicator::wait_until_ready(const char* call) {
  wait(call, [&] { return !handle_.is_in_progress(); });
}

template <class Done>
void NcclCommunicator::wait(const char* call, const Done& done) {
  const auto begun = std::chrono::steady_clock::now();
  for (int looks = 0; !done(); ++looks) {
    if (aborted()) fail(ErrorKind::peer_lost, "{}: the connection has ended", call);
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begun;
    if (waited.count() > timeout_seconds_) {
      fail(ErrorKind::peer_lost, "{} is not done after {:.1f} s: a rank is lost or late", call,
           waited.count());
    }
    pause_between_looks(looks);
  }
}

}  // namespace dcgan::nccl

namespace dcgan {

NcclId make_nccl_id() {
  ncclUniqueId vendor_id;
  const ncclResult_t result = ncclGetUniqueId(&vendor_id);
  if (result != ncclSuccess) {
    fail(ErrorKind::unavailable, "{} from ncclGetUniqueId", nccl::text_of(result, nullptr));
  }
  NcclId id;
  static_assert(sizeof vendor_id == sizeof id.bytes);
  std::memcpy(id.bytes.data(), &vendor_id, sizeof vendor_id);
  return id;
}

std::unique_ptr<Communicator> connect_nccl(const Context& context, Shard shard, const NcclId& id,
                                           double timeout_seconds) {
  DCGAN_CHECK(context.is_cuda(), "NCCL connects GPUs, not {}", to_string(context.device()));
  return std::make_unique<nccl::NcclCommunicator>(context, shard, id, timeout_seconds);
}

}  // namespace dcgan

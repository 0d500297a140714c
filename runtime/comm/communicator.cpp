#include "runtime/comm/communicator.h"

#include <cstdint>

namespace dcgan {
namespace {

void require_data(const char* call, ConstTensorView tensor) {
  DCGAN_CHECK(tensor.data != nullptr || tensor.elements() == 0, "{}: no memory for {} {}", call,
              name_of(tensor.dtype), to_string(tensor.shape));
}

// `from` lies outside `to`, or is exactly the part of it that belongs to this rank.
bool may_gather(ConstTensorView from, ConstTensorView to, int rank) {
  const auto first = reinterpret_cast<std::uintptr_t>(from.data);
  const auto target = reinterpret_cast<std::uintptr_t>(to.data);
  if (first == target + static_cast<std::size_t>(rank) * from.bytes()) return true;
  return first + from.bytes() <= target || target + to.bytes() <= first;
}

}  // namespace

Communicator::Communicator(Shard shard) : shard_(shard) { require_valid(shard); }

void Communicator::require_connected(const char* call) const {
  if (!aborted()) return;
  const std::lock_guard lock(reason_mutex_);
  const std::string calls = log_.text();
  fail(ErrorKind::peer_lost, "{}: rank {} of {}: {}{}{}", call, rank(), size(), reason_,
       calls.empty() ? "" : "; last collectives: ", calls);
}

// Keeps what the log says true when the call throws: it stays open.
template <class Call>
void Communicator::logged(const char* operation, std::size_t bytes, const Call& call) {
  require_connected(operation);
  log_.begin(operation, bytes);
  try {
    call();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::peer_lost) throw;
    const std::string late = channel_ ? channel_->late() : std::string();
    abort(late.empty() ? error.what() : fmt::format("{} ({})", error.what(), late));
  }
  require_connected(operation);
  log_.end();
}

void Communicator::all_reduce(const Context& context, TensorView values, ReduceOp op) {
  require_connected("all_reduce");
  require_data("all_reduce", values);
  DCGAN_CHECK(values.dtype != DType::u8, "all_reduce: {} has no reductions", name_of(values.dtype));
  if (values.elements() == 0) return;
  logged("all_reduce", values.bytes(), [&] { do_all_reduce(context, values, op); });
}

void Communicator::broadcast(const Context& context, TensorView values, int root) {
  require_connected("broadcast");
  require_data("broadcast", values);
  DCGAN_CHECK(root >= 0 && root < size(), "broadcast: root {} is none of {} ranks", root, size());
  if (values.elements() == 0) return;
  logged("broadcast", values.bytes(), [&] { do_broadcast(context, values, root); });
}

void Communicator::all_gather(const Context& context, ConstTensorView from, TensorView to) {
  require_connected("all_gather");
  require_data("all_gather", from);
  require_data("all_gather", to);
  DCGAN_CHECK(from.dtype == to.dtype && to.elements() == from.elements() * size(),
              "all_gather: {} {} of {} ranks does not fit {} {}", name_of(from.dtype),
              to_string(from.shape), size(), name_of(to.dtype), to_string(to.shape));
  if (from.elements() == 0) return;
  DCGAN_CHECK(may_gather(from, to, rank()),
              "all_gather: the {} bytes of rank {} overlap the result and are not its part of it",
              from.bytes(), rank());
  logged("all_gather", to.bytes(), [&] { do_all_gather(context, from, to); });
}

void Communicator::barrier() {
  logged("barrier", 0, [&] { do_barrier(); });
}

void Communicator::watch(const Context& context) {
  require_connected("watch");
  do_watch(context);
}

void Communicator::finish() {
  if (aborted()) return;
  do_finish();
  if (channel_) channel_->goodbye();
}

void Communicator::abort(std::string_view reason) noexcept {
  {
    const std::lock_guard lock(reason_mutex_);
    if (aborted()) return;
    reason_ = reason;
    aborted_ = true;
  }
  do_abort();
  if (channel_) channel_->tell(reason);
}

}  // namespace dcgan

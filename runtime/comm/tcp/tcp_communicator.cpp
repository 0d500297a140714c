#include "runtime/comm/tcp/tcp_communicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "runtime/base/errors.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan {
namespace {

constexpr std::size_t kSmallBytes = 8192;
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;  // of a broadcast
// A lost connection is often seen before its reason has come through the channel.
constexpr std::chrono::milliseconds kReasonTime{1500};

std::span<std::byte> bytes_of(TensorView view) {
  return {static_cast<std::byte*>(view.data), view.bytes()};
}
std::span<const std::byte> bytes_of(ConstTensorView view) {
  return {static_cast<const std::byte*>(view.data), view.bytes()};
}

void require_cpu(const Context& context) {
  if (context.is_cuda()) fail(ErrorKind::config, "ranks: TCP connects CPU ranks; GPUs need NCCL");
}

std::string greeting(int rank) { return fmt::format("ring {}", rank); }

}  // namespace

TcpCommunicator::TcpCommunicator(const Shard& shard, const Meeting& meeting, double timeout_seconds)
    : Communicator(shard), timeout_seconds_(timeout_seconds) {
  const Peer& to = meeting.peers[static_cast<std::size_t>(ring(rank() + 1))];
  const int from = ring(rank() - 1);
  const Deadline deadline = deadline_in(timeout_seconds);
  std::string why = "no answer";
  std::optional<Socket> next = connect_to(to.address, to.port, deadline, why);
  if (!next) {
    fail(ErrorKind::peer_lost, "ranks: rank {} on {} is not at {}:{} ({})", to.rank, to.host,
         to.address, to.port, why);
  }
  next_ = std::move(*next);
  send_frame(next_, greeting(rank()), {timeout_seconds, nullptr});
  while (!previous_.is_open()) {
    std::optional<Socket> client = accept_one(meeting.listener, deadline);
    if (!client) {
      fail(ErrorKind::peer_lost, "ranks: rank {} did not connect within {} s", from,
           timeout_seconds);
    }
    try {
      if (receive_frame(*client, {5.0, nullptr}) == greeting(from)) previous_ = std::move(*client);
    } catch (const Error&) {  // a stranger: dropped
    }
  }
}

void TcpCommunicator::pass(ConstBytes out, Bytes in) try {
  transfer(&next_, out, &previous_, in, {timeout_seconds_, &stop_});
} catch (const Error& error) {
  for (auto waited = std::chrono::milliseconds(0); waited < kReasonTime && !stop_;
       waited += std::chrono::milliseconds(10)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  fail(ErrorKind::peer_lost, "between rank {} and its neighbours {} and {}: {}", rank(),
       ring(rank() - 1), ring(rank() + 1), error.what());
}

void TcpCommunicator::gather(ConstBytes own, Bytes all) {
  const std::size_t part = own.size();
  const auto place = [&](int of) {
    return all.subspan(part * static_cast<std::size_t>(ring(of)), part);
  };
  if (place(rank()).data() != own.data()) std::memcpy(place(rank()).data(), own.data(), part);
  for (int step = 0; step + 1 < size(); ++step) {
    pass(place(rank() - step), place(rank() - step - 1));
  }
}

void TcpCommunicator::do_all_reduce(const Context& context, TensorView values, ReduceOp op) {
  require_cpu(context);
  if (size() == 1) return;
  if (values.bytes() <= kSmallBytes) return reduce_small(values, op);
  reduce_in_ring(values, op);
}

void TcpCommunicator::reduce_small(TensorView values, ReduceOp op) {
  const std::size_t part = values.bytes();
  scratch_.resize(part * static_cast<std::size_t>(size()));
  gather(bytes_of(values), scratch_);
  std::memcpy(values.data, scratch_.data(), part);
  for (std::size_t other = 1; other < static_cast<std::size_t>(size()); ++other) {
    reduce_into(op, values,
                ConstTensorView(scratch_.data() + other * part, values.shape, values.dtype));
  }
}

void TcpCommunicator::reduce_in_ring(TensorView values, ReduceOp op) {
  const std::int64_t count = values.elements();
  const TensorView flat = values.reshaped({count});
  const auto part = [&](int index) {
    const std::int64_t begin = count * ring(index) / size();
    return flat.rows(begin, count * (ring(index) + 1) / size() - begin);
  };
  scratch_.resize((static_cast<std::size_t>(count / size()) + 1) * size_of(values.dtype));
  for (int step = 0; step + 1 < size(); ++step) {
    const TensorView to = part(rank() - step - 1);
    const TensorView arrived(scratch_.data(), to.shape, to.dtype);
    pass(bytes_of(ConstTensorView(part(rank() - step))), bytes_of(arrived));
    reduce_into(op, to, arrived);
  }
  for (int step = 0; step + 1 < size(); ++step) {
    pass(bytes_of(ConstTensorView(part(rank() + 1 - step))), bytes_of(part(rank() - step)));
  }
}

void TcpCommunicator::do_broadcast(const Context& context, TensorView values, int root) {
  require_cpu(context);
  const Bytes all = bytes_of(values);
  for (std::size_t at = 0; at < all.size() && size() > 1; at += kBlockBytes) {
    const Bytes block = all.subspan(at, std::min(kBlockBytes, all.size() - at));
    if (rank() != root) pass({}, block);
    if (ring(rank() + 1) != root) pass(block, {});
  }
}

void TcpCommunicator::do_all_gather(const Context& context, ConstTensorView from, TensorView to) {
  require_cpu(context);
  gather(bytes_of(from), bytes_of(to));
}

void TcpCommunicator::do_barrier() {
  scratch_.resize(static_cast<std::size_t>(size()));
  const std::byte one{1};
  gather({&one, 1}, scratch_);
}

}  // namespace dcgan

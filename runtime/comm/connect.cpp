#include "runtime/comm/connect.h"

#include <cstring>
#include <vector>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/comm/control_channel.h"
#include "runtime/comm/local_communicator.h"
#include "runtime/comm/nccl/nccl.h"
#include "runtime/comm/rendezvous.h"
#include "runtime/comm/tcp/tcp_communicator.h"

namespace dcgan {
namespace {

Transport chosen(const Context& context, const Launch& /*launch*/, Transport asked) {
  if (asked == Transport::automatic) return context.is_cuda() ? Transport::nccl : Transport::tcp;
  if ((asked == Transport::nccl) == context.is_cuda()) return asked;
  fail(ErrorKind::config, "--transport {}: {}", enum_name(asked),
       context.is_cuda() ? "GPUs exchange values by NCCL" : "NCCL connects GPUs");
}

// Rank 0's identifier goes to all behind a check that no two ranks share a GPU.
std::unique_ptr<Communicator> over_nccl(const Context& context, const Shard& shard,
                                        const Meeting& meeting, double timeout_seconds) {
  if constexpr (!kHasNccl) {
    fail(ErrorKind::unavailable, "ranks: this build has no NCCL, which connects GPUs");
  } else {
    std::vector<std::string> identities;
    for (const Peer& peer : meeting.peers) identities.push_back(peer.device);
    require_distinct_gpus(identities);
    std::string text;
    if (shard.rank == 0) {
      const NcclId own = make_nccl_id();
      text.assign(reinterpret_cast<const char*>(own.bytes.data()), own.bytes.size());
    }
    text = exchange_texts(meeting, shard.rank, text, timeout_seconds).front();
    NcclId id;
    DCGAN_CHECK(text.size() == id.bytes.size(), "ranks: an NCCL identifier of {} bytes",
                text.size());
    std::memcpy(id.bytes.data(), text.data(), text.size());
    return connect_nccl(context, shard, id, timeout_seconds);
  }
}

std::string device_identity(const Context& context) {
  if constexpr (kHasNccl) {
    if (context.is_cuda()) return gpu_identity(context);
  }
  return context.is_cuda() ? to_string(context.device()) : "cpu";
}

std::unique_ptr<Communicator> over(const Context& context, Transport transport,
                                   const Launch& launch, const Meeting& meeting,
                                   double timeout_seconds) {
  switch (transport) {
    case Transport::nccl:
      return over_nccl(context, launch.shard, meeting, timeout_seconds);
    case Transport::mpi:
      fail(ErrorKind::unavailable, "ranks: this build has no MPI");
    case Transport::automatic:
    case Transport::tcp:
      break;
  }
  return std::make_unique<TcpCommunicator>(launch.shard, meeting, timeout_seconds);
}

}  // namespace

std::unique_ptr<Communicator> connect_ranks(const Context& context, const Launch& launch,
                                            const ConnectOptions& options) {
  if (!launch.is_distributed()) return std::make_unique<LocalCommunicator>();
  const Transport transport = chosen(context, launch, options.transport);
  Meeting meeting = meet(launch, {options.timeout_seconds, device_identity(context), options.note});
  std::unique_ptr<Communicator> ranks =
      over(context, transport, launch, meeting, options.timeout_seconds);
  ranks->attach(std::make_unique<ControlChannel>(
      std::move(meeting.sockets), launch.shard, ranks->log(), options.timeout_seconds,
      [target = ranks.get()](const std::string& why) { target->abort(why); }));
  return ranks;
}

}  // namespace dcgan

#include "runtime/comm/connect.h"

#include <cstring>
#include <vector>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/comm/control_channel.h"
#include "runtime/comm/local_communicator.h"
#include "runtime/comm/mpi/mpi_communicator.h"
#include "runtime/comm/nccl/nccl.h"
#include "runtime/comm/rendezvous/rendezvous.h"
#include "runtime/comm/tcp/tcp_communicator.h"

namespace dcgan {
namespace {

Transport chosen(const Context& context, const Launch& launch, Transport asked) {
  if (asked == Transport::automatic) {
    if (context.is_cuda()) return Transport::nccl;
    return kHasMpi && launch.has_mpi ? Transport::mpi : Transport::tcp;
  }
  if ((asked == Transport::nccl) == context.is_cuda()) return asked;
  fail(ErrorKind::config, "--transport {}: {}", enum_name(asked),
       context.is_cuda() ? "GPUs exchange values by NCCL" : "NCCL connects GPUs");
}

bool says_where(const Launch& launch) {
  return !launch.address.empty() && launch.port != 0 && !launch.port_is_taken;
}

/// MPI where it carries the values, or at least tells the ranks where to meet.
std::shared_ptr<MpiSession> mpi_session(Transport transport, const Launch& launch,
                                        const ConnectOptions& options) {
  if constexpr (kHasMpi) {
    if (transport == Transport::mpi || (launch.has_mpi && launch.address.empty())) {
      return std::make_shared<MpiSession>(launch, options.timeout_seconds, options.note);
    }
  } else if (transport == Transport::mpi) {
    fail(ErrorKind::unavailable, "ranks: this build has no MPI (dcgan doctor)");
  }
  return nullptr;
}

Launch with_place(const std::shared_ptr<MpiSession>& session, const Launch& launch) {
  if constexpr (kHasMpi) {
    if (session != nullptr && !says_where(launch)) return with_meeting_place(*session, launch);
  }
  if (!launch.address.empty() && launch.port != 0) return launch;
  fail(ErrorKind::config,
       "ranks: {} does not say where rank 0 is: set MASTER_ADDR and MASTER_PORT{}", launch.source,
       kHasMpi ? "" : ", or use a build with MPI");
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
                                   const std::shared_ptr<MpiSession>& session,
                                   double timeout_seconds) {
  if (transport == Transport::nccl) {
    return over_nccl(context, launch.shard, meeting, timeout_seconds);
  }
  if constexpr (kHasMpi) {
    if (transport == Transport::mpi) return connect_mpi(session, context, timeout_seconds);
  }
  return std::make_unique<TcpCommunicator>(launch.shard, meeting, timeout_seconds);
}

}  // namespace

std::unique_ptr<Communicator> connect_ranks(const Context& context, const Launch& launch,
                                            const ConnectOptions& options) {
  if (!launch.is_distributed()) return std::make_unique<LocalCommunicator>();
  const Transport transport = chosen(context, launch, options.transport);
  const std::shared_ptr<MpiSession> session = mpi_session(transport, launch, options);
  Meeting meeting = meet(with_place(session, launch),
                         {options.timeout_seconds, device_identity(context), options.note});
  std::unique_ptr<Communicator> ranks =
      over(context, transport, launch, meeting, session, options.timeout_seconds);
  if constexpr (kHasMpi) {
    if (session != nullptr && transport != Transport::mpi) session->set_all_finished(true);
  }
  ranks->attach(std::make_unique<ControlChannel>(
      std::move(meeting.sockets), launch.shard, ranks->log(), options.timeout_seconds,
      [target = ranks.get()](const std::string& why) { target->abort(why); }));
  return ranks;
}

}  // namespace dcgan

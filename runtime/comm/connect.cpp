#include "runtime/comm/connect.h"

#include "runtime/base/errors.h"
#include "runtime/comm/control_channel.h"
#include "runtime/comm/local_communicator.h"
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

std::unique_ptr<Communicator> over(Transport transport, const Launch& launch,
                                   const Meeting& meeting, double timeout_seconds) {
  switch (transport) {
    case Transport::nccl:
      fail(ErrorKind::unavailable, "ranks: this build has no NCCL");
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
  Meeting meeting = meet(launch, {options.timeout_seconds, "cpu", options.note});
  std::unique_ptr<Communicator> ranks = over(transport, launch, meeting, options.timeout_seconds);
  ranks->attach(std::make_unique<ControlChannel>(
      std::move(meeting.sockets), launch.shard, ranks->log(), options.timeout_seconds,
      [target = ranks.get()](const std::string& why) { target->abort(why); }));
  return ranks;
}

}  // namespace dcgan

#include <unistd.h>

#include <array>

#include "runtime/comm/mpi/mpi_communicator.h"
#include "runtime/comm/tcp/frame.h"
#include "runtime/comm/tcp/socket.h"

namespace dcgan {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) fail(ErrorKind::io, "ranks: no host name");
  return name.data();
}

}  // namespace

Launch with_meeting_place(MpiSession& session, Launch launch) {
  std::optional<Socket> listener;
  std::string text;
  if (launch.shard.rank == 0) {
    listener = listen_on_port(0);
    if (!listener) fail(ErrorKind::io, "ranks: no free port to meet at");
    text = joined_lines({launch.address.empty() ? host_name() : launch.address,
                         std::to_string(port_of(*listener)), launch.run_id});
  }
  const std::vector<std::string> lines = lines_of(session.broadcast(text));
  DCGAN_CHECK(lines.size() == 3, "MPI: a meeting place of {} lines", lines.size());
  launch.address = lines[0];
  launch.port = number_of(lines[1]);
  launch.port_is_taken = false;
  launch.run_id = lines[2];
  if (listener) launch.listening_descriptor = listener->release();
  return launch;
}

}  // namespace dcgan

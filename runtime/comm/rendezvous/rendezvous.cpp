#include "runtime/comm/rendezvous/rendezvous.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "runtime/base/errors.h"
#include "runtime/comm/rendezvous/host.h"
#include "runtime/comm/rendezvous/messages.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan {
namespace {

using namespace rendezvous;

constexpr std::chrono::seconds kSilence{5};  // before a rank says whom it waits for

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// What rank 0 says. Throws what it refuses a rank with.
std::string answer_of(const Socket& socket, double seconds) {
  std::string text = receive_frame(socket, {seconds, nullptr});
  throw_if_refused(text);
  return text;
}

/// Nothing when what listens there is not this run's rank 0, or nobody does yet; `why` says it.
std::optional<Socket> welcome_at(const Launch& launch, int port, const Peer& own, Deadline deadline,
                                 std::string& why) try {
  const Deadline soon = std::min(deadline, deadline_in(kStrangerSeconds));
  std::optional<Socket> socket = connect_to(launch.address, port, soon, why);
  if (!socket) return std::nullopt;
  send_frame(*socket, text_of(hello_of(launch, own)), {kStrangerSeconds, nullptr});
  if (answer_of(*socket, kStrangerSeconds) == kWelcome) return socket;
  why = "what answers is not rank 0";
  return std::nullopt;
} catch (const Refused&) {
  throw;
} catch (const Error& error) {  // it hung up, or does not answer
  why = error.what();
  return std::nullopt;
}

/// Another rank's side: finds rank 0.
Socket find_host(const Launch& launch, const RendezvousOptions& options, const Peer& own) {
  const Deadline deadline = deadline_in(options.timeout_seconds);
  const std::vector<int> ports = ports_of(launch);
  const auto begun = std::chrono::steady_clock::now();
  bool said = !options.note;
  std::string why = "no answer";
  for (std::size_t attempt = 0; std::chrono::steady_clock::now() < deadline; ++attempt) {
    const int port = ports[attempt % ports.size()];
    if (std::optional<Socket> socket = welcome_at(launch, port, own, deadline, why)) {
      return std::move(*socket);
    }
    if (!said && std::chrono::steady_clock::now() - begun > kSilence) {
      options.note(fmt::format("ranks: rank {} waits for rank 0 at {}:{} ({})", own.rank,
                               launch.address, fmt::join(ports, ","), why));
      said = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  fail(ErrorKind::peer_lost, "ranks: rank 0 is not at {}:{} within {} s ({})", launch.address,
       fmt::join(ports, ","), options.timeout_seconds, why);
}

}  // namespace

Meeting meet(const Launch& launch, const RendezvousOptions& options) {
  Meeting meeting;
  std::optional<Socket> listener = listen_on_port(0);
  if (!listener) fail(ErrorKind::io, "ranks: no free port for data");
  meeting.listener = std::move(*listener);
  const Peer own{launch.shard.rank, host_name(), options.device, launch.address,
                 port_of(meeting.listener)};
  if (launch.shard.rank == 0) {
    host_meeting(launch, options, own, meeting);
  } else {
    meeting.sockets.push_back(find_host(launch, options, own));
    // The others may come later.
    const std::string table = answer_of(meeting.sockets.back(), options.timeout_seconds + 5);
    meeting.peers = peers_from(table, static_cast<std::size_t>(launch.shard.world_size));
  }
  return meeting;
}

std::vector<std::string> exchange_texts(const Meeting& meeting, int rank, const std::string& text,
                                        double timeout_seconds) {
  const Patience patience{timeout_seconds, nullptr};
  const std::size_t size = meeting.peers.size();
  std::vector<std::string> texts(size);
  if (rank > 0) {
    send_frame(meeting.sockets.front(), text, patience);
    for (std::string& one : texts) one = receive_frame(meeting.sockets.front(), patience);
    return texts;
  }
  texts[0] = text;
  for (std::size_t other = 1; other < size; ++other) {
    texts[other] = receive_frame(meeting.sockets[other], patience);
  }
  for (std::size_t other = 1; other < size; ++other) {
    for (const std::string& one : texts) send_frame(meeting.sockets[other], one, patience);
  }
  return texts;
}

}  // namespace dcgan

#include "runtime/comm/rendezvous/host.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/comm/rendezvous/messages.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan::rendezvous {
namespace {

std::string device_kind(const std::string& device) { return device == "cpu" ? "the CPU" : "a GPU"; }

Socket listener_of(const Launch& launch) {
  if (launch.listening_descriptor >= 0) return adopt_listener(launch.listening_descriptor);
  const std::vector<int> ports = ports_of(launch);
  for (const int port : ports) {
    if (std::optional<Socket> socket = listen_on_port(port)) return std::move(*socket);
  }
  fail(ErrorKind::config,
       "ranks: port {} is taken on this machine by another program; choose another (MASTER_PORT)",
       fmt::join(ports, ", "));
}

/// A client that has connected and not yet said who it is.
struct Client {
  Socket socket;
  std::string received;
  Deadline deadline;

  enum class State { waiting, complete, stranger };
  State read_some() {
    std::array<char, 1024> block{};
    for (;;) {
      const ssize_t got = recv(socket.descriptor(), block.data(), block.size(), 0);
      if (got == 0) return State::stranger;
      if (got < 0) break;
      received.append(block.data(), static_cast<std::size_t>(got));
      if (received.size() > 4096) return State::stranger;
    }
    if (received.size() < kFrameHeader) return State::waiting;
    const std::ptrdiff_t length = frame_length(received);
    if (length < 0) return State::stranger;
    const std::size_t whole = kFrameHeader + static_cast<std::size_t>(length);
    if (received.size() > whole) return State::stranger;
    return received.size() == whole ? State::complete : State::waiting;
  }
};

/// Rank 0's side.
class Host {
 public:
  Host(const Launch& launch, const RendezvousOptions& options, const Peer& own)
      : launch_(launch), options_(options), listener_(listener_of(launch)) {
    const auto size = static_cast<std::size_t>(launch.shard.world_size);
    peers_.resize(size);
    sockets_.resize(size);
    peers_[0] = own;
  }

  void gather() {
    const Deadline deadline = deadline_in(options_.timeout_seconds);
    while (missing() > 0) {
      if (std::chrono::steady_clock::now() >= deadline) refuse_all(ErrorKind::peer_lost, late());
      poll_once();
    }
  }

  void publish() {
    const std::string text = text_of(peers_);
    for (const Socket& socket : sockets_) {
      if (socket.is_open()) send_frame(socket, text, {options_.timeout_seconds, nullptr});
    }
  }

  std::vector<Peer> peers_;
  std::vector<Socket> sockets_;

 private:
  std::ptrdiff_t missing() const {
    return std::count_if(sockets_.begin() + 1, sockets_.end(),
                         [](const Socket& socket) { return !socket.is_open(); });
  }

  std::string late() const {
    std::vector<int> ranks;
    for (std::size_t rank = 1; rank < sockets_.size(); ++rank) {
      if (!sockets_[rank].is_open()) ranks.push_back(static_cast<int>(rank));
    }
    constexpr std::size_t kMostNamed = 20;
    const bool cut = ranks.size() > kMostNamed;
    const std::size_t count = ranks.size();
    if (cut) ranks.resize(kMostNamed);
    return fmt::format("ranks: {} of {} did not come within {} s: {}{}", count, sockets_.size(),
                       options_.timeout_seconds, fmt::join(ranks, ", "), cut ? ", ..." : "");
  }

  void poll_once() {
    std::vector<pollfd> polled{{listener_.descriptor(), POLLIN, 0}};
    for (const Client& client : clients_) {
      polled.push_back({client.socket.descriptor(), POLLIN, 0});
    }
    poll(polled.data(), polled.size(), /*ms=*/100);
    if (polled[0].revents != 0) {
      const Deadline now = std::chrono::steady_clock::now();
      if (std::optional<Socket> socket = accept_one(listener_, now)) {
        clients_.push_back({std::move(*socket), {}, deadline_in(kStrangerSeconds)});
      }
    }
    std::vector<Client> waiting;
    for (Client& client : clients_) {
      const Client::State state = client.read_some();
      const bool late = std::chrono::steady_clock::now() >= client.deadline;
      if (state == Client::State::complete) {
        take(client);
      } else if (state == Client::State::stranger || late) {
        drop(client, "is no rank of a dcgan run");
      } else {
        waiting.push_back(std::move(client));
      }
    }
    clients_ = std::move(waiting);
  }

  void drop(const Client& client, const char* why) const {
    if (!options_.note) return;
    options_.note(
        fmt::format("ranks: a client from {} {}: dropped", peer_address(client.socket), why));
  }

  void take(Client& client) {
    const std::optional<Hello> hello =
        hello_from(std::string_view(client.received).substr(kFrameHeader));
    if (!hello) return drop(client, "says what this version does not know");
    if (hello->run_id != launch_.run_id) return drop(client, "belongs to another run");
    const std::string fault = fault_of(*hello);
    const auto rank = static_cast<std::size_t>(hello->peer.rank);
    if (!fault.empty()) {
      extra_ = std::move(client.socket);
      refuse_all(ErrorKind::config, fault);
    }
    send_frame(client.socket, kWelcome, {1.0, nullptr});
    sockets_[rank] = std::move(client.socket);
    peers_[rank] = hello->peer;
    const std::string address = peer_address(sockets_[rank]);
    const bool is_here = address.rfind("127.", 0) == 0 || address == "::1";
    peers_[rank].address = is_here ? launch_.address : address;
  }

  std::string fault_of(const Hello& hello) const {
    const auto& [rank, host, device, address, port] = hello.peer;
    if (hello.version != kVersion) {
      return fmt::format("ranks: rank {} on {} is dcgan {}, rank 0 on {} is {}", rank, host,
                         hello.version, peers_[0].host, kVersion);
    }
    if (hello.world_size != launch_.shard.world_size) {
      return fmt::format("ranks: rank {} on {} is one of {}, rank 0 one of {}", rank, host,
                         hello.world_size, launch_.shard.world_size);
    }
    if (rank < 1 || rank >= hello.world_size || port < 1) {
      return fmt::format("ranks: a process on {} calls itself rank {} of {}", host, rank,
                         hello.world_size);
    }
    const auto place = static_cast<std::size_t>(rank);
    if (sockets_[place].is_open()) {
      return fmt::format("ranks: two processes, on {} and {}, are rank {}", peers_[place].host,
                         host, rank);
    }
    if (device_kind(device) != device_kind(peers_[0].device)) {
      return fmt::format("ranks: rank {} computes on {}, rank 0 on {} (--device)", rank,
                         device_kind(device), device_kind(peers_[0].device));
    }
    return {};
  }

  [[noreturn]] void refuse_all(ErrorKind kind, const std::string& why) {
    const std::string text = refusal(kind, why);
    const auto tell = [&](const Socket& socket) {
      try {
        if (socket.is_open()) send_frame(socket, text, {1.0, nullptr});
      } catch (const Error&) {  // it will see the end of the connection
      }
    };
    tell(extra_);
    for (const Socket& socket : sockets_) tell(socket);
    throw Error(kind, why);
  }

  const Launch& launch_;
  const RendezvousOptions& options_;
  Socket listener_;
  Socket extra_;  // of a client that is refused
  std::vector<Client> clients_;
};

}  // namespace

void host_meeting(const Launch& launch, const RendezvousOptions& options, const Peer& own,
                  Meeting& meeting) {
  Host host(launch, options, own);
  host.gather();
  host.publish();
  meeting.peers = std::move(host.peers_);
  meeting.sockets = std::move(host.sockets_);
}

}  // namespace dcgan::rendezvous

#include "runtime/comm/rendezvous.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan {
namespace {

constexpr int kPortsToTry = 16;         // where the launch's own is taken
constexpr double kStrangerSeconds = 5;  // in which a client must have said hello
constexpr std::string_view kRefused = "refused\n";
constexpr std::string_view kWelcome = "welcome";

/// What rank 0 tells a rank that may not take part.
struct Refused : Error {
  using Error::Error;
};

/// What a rank says of itself.
struct Hello {
  std::string run_id, version, device_kind;
  int world_size = 0;
  Peer peer;
};

std::string device_kind(const std::string& device) { return device == "cpu" ? "the CPU" : "a GPU"; }

std::string text_of(const Launch& launch, const Peer& peer) {
  return joined_lines({"hello", launch.run_id, kVersion, std::to_string(launch.shard.world_size),
                       std::to_string(peer.rank), peer.host, peer.device,
                       std::to_string(peer.port)});
}

std::optional<Hello> hello_from(std::string_view text) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() != 8 || lines[0] != "hello") return std::nullopt;
  Hello hello;
  hello.run_id = lines[1];
  hello.version = lines[2];
  hello.world_size = number_of(lines[3]);
  hello.peer = {number_of(lines[4]), lines[5], lines[6], {}, number_of(lines[7])};
  hello.device_kind = device_kind(hello.peer.device);
  return hello;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// The ports at which rank 0 may be found.
std::vector<int> ports_of(const Launch& launch) {
  if (!launch.port_is_taken) return {launch.port};
  std::uint32_t hash = static_cast<std::uint32_t>(launch.port);
  for (const char c : launch.run_id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  std::vector<int> ports;
  for (int i = 0; i < kPortsToTry; ++i) {
    hash = hash * 1664525u + 1013904223u;
    ports.push_back(10000 + static_cast<int>((hash >> 8) % 20000u));
  }
  return ports;
}

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

  /// Tells everybody who the others are.
  void publish() {
    std::vector<std::string> lines{"peers"};
    for (const Peer& peer : peers_) {
      for (const std::string& field :
           {peer.host, peer.device, peer.address, std::to_string(peer.port)}) {
        lines.push_back(field);
      }
    }
    const std::string text = joined_lines(lines);
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
    if (hello.device_kind != device_kind(peers_[0].device)) {
      return fmt::format("ranks: rank {} computes on {}, rank 0 on {} (--device)", rank,
                         hello.device_kind, device_kind(peers_[0].device));
    }
    return {};
  }

  [[noreturn]] void refuse_all(ErrorKind kind, const std::string& why) {
    const std::string text = fmt::format("{}{}\n{}", kRefused, static_cast<int>(kind), why);
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

/// What rank 0 says. Throws what it refuses a rank with.
std::string answer_of(const Socket& socket, double seconds) {
  std::string text = receive_frame(socket, {seconds, nullptr});
  if (text.rfind(kRefused, 0) != 0) return text;
  const std::vector<std::string> lines = lines_of(text + "\n");
  const bool contradicts = number_of(lines.at(1)) == static_cast<int>(ErrorKind::config);
  throw Refused(contradicts ? ErrorKind::config : ErrorKind::peer_lost, lines.at(2));
}

/// Nothing when what listens there is not this run's rank 0, or nobody does yet; `why` says it.
std::optional<Socket> welcome_at(const Launch& launch, int port, const Peer& own, Deadline deadline,
                                 std::string& why) try {
  const Deadline soon = std::min(deadline, deadline_in(kStrangerSeconds));
  std::optional<Socket> socket = connect_to(launch.address, port, soon, why);
  if (!socket) return std::nullopt;
  send_frame(*socket, text_of(launch, own), {kStrangerSeconds, nullptr});
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
  std::string why = "no answer";
  for (std::size_t attempt = 0; std::chrono::steady_clock::now() < deadline; ++attempt) {
    const int port = ports[attempt % ports.size()];
    if (std::optional<Socket> socket = welcome_at(launch, port, own, deadline, why)) {
      return std::move(*socket);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  fail(ErrorKind::peer_lost, "ranks: rank 0 is not at {}:{} within {} s ({})", launch.address,
       fmt::join(ports, ","), options.timeout_seconds, why);
}

/// The table that Host::publish() sends.
std::vector<Peer> peers_from(const std::string& text, std::size_t size) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() != 1 + 4 * size || lines[0] != "peers") {
    fail(ErrorKind::peer_lost, "ranks: rank 0 sent no table of ranks");
  }
  std::vector<Peer> peers;
  for (std::size_t rank = 0; rank < size; ++rank) {
    const std::string* field = &lines[1 + 4 * rank];
    peers.push_back({static_cast<int>(rank), field[0], field[1], field[2], number_of(field[3])});
  }
  return peers;
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
    Host host(launch, options, own);
    host.gather();
    host.publish();
    meeting.peers = std::move(host.peers_);
    meeting.sockets = std::move(host.sockets_);
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

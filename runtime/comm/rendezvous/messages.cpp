#include "runtime/comm/rendezvous/messages.h"

#include <fmt/format.h>

#include "runtime/base/build_config.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan::rendezvous {
namespace {

constexpr int kPortsToTry = 16;  // where the launch's own is taken
constexpr std::string_view kRefused = "refused\n";
constexpr std::string_view kPeers = "peers";
constexpr std::size_t kPeerLines = 4;

}  // namespace

Hello hello_of(const Launch& launch, const Peer& own) {
  return {launch.run_id, kVersion, launch.shard.world_size, own};
}

std::string text_of(const Hello& hello) {
  const Peer& peer = hello.peer;
  return joined_lines({"hello", hello.run_id, hello.version, std::to_string(hello.world_size),
                       std::to_string(peer.rank), peer.host, peer.device,
                       std::to_string(peer.port)});
}

std::optional<Hello> hello_from(std::string_view text) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() != 8 || lines[0] != "hello") return std::nullopt;
  const Peer peer{number_of(lines[4]), lines[5], lines[6], {}, number_of(lines[7])};
  return Hello{lines[1], lines[2], number_of(lines[3]), peer};
}

std::string text_of(const std::vector<Peer>& peers) {
  std::vector<std::string> lines{std::string(kPeers)};
  for (const Peer& peer : peers) {
    lines.insert(lines.end(), {peer.host, peer.device, peer.address, std::to_string(peer.port)});
  }
  return joined_lines(lines);
}

std::vector<Peer> peers_from(std::string_view text, std::size_t size) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() != 1 + kPeerLines * size || lines[0] != kPeers) {
    fail(ErrorKind::peer_lost, "ranks: rank 0 sent no table of ranks");
  }
  std::vector<Peer> peers;
  for (std::size_t rank = 0; rank < size; ++rank) {
    const std::string* field = &lines[1 + kPeerLines * rank];
    peers.push_back({static_cast<int>(rank), field[0], field[1], field[2], number_of(field[3])});
  }
  return peers;
}

std::string refusal(ErrorKind kind, const std::string& why) {
  return fmt::format("{}{}", kRefused, joined_lines({std::to_string(static_cast<int>(kind)), why}));
}

void throw_if_refused(std::string_view text) {
  if (!text.starts_with(kRefused)) return;
  const std::vector<std::string> lines = lines_of(text);
  const bool is_whole = lines.size() == 3;
  const bool contradicts = is_whole && number_of(lines[1]) == static_cast<int>(ErrorKind::config);
  throw Refused(contradicts ? ErrorKind::config : ErrorKind::peer_lost,
                is_whole ? lines[2] : "ranks: refused by rank 0");
}

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

}  // namespace dcgan::rendezvous

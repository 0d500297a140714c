// What ranks say when they meet, as texts of frames (tcp/frame.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/errors.h"
#include "runtime/comm/launch/environment.h"
#include "runtime/comm/rendezvous/rendezvous.h"

namespace dcgan::rendezvous {

/// Seconds in which a client must have said hello, and rank 0 have answered.
inline constexpr double kStrangerSeconds = 5;
/// Rank 0's answer to a hello that it takes.
inline constexpr std::string_view kWelcome = "welcome";

/// What a rank says of itself.
struct Hello {
  std::string run_id;
  std::string version;  ///< of the program
  int world_size = 0;
  Peer peer;  ///< without an address: rank 0 sees it
};

Hello hello_of(const Launch& launch, const Peer& own);
std::string text_of(const Hello& hello);
/// Nothing when the text is no hello of this version.
std::optional<Hello> hello_from(std::string_view text);

/// The table of all ranks.
std::string text_of(const std::vector<Peer>& peers);
/// Throws Error(peer_lost) when the text is no table of so many ranks.
std::vector<Peer> peers_from(std::string_view text, std::size_t size);

/// What rank 0 tells a rank that may not take part, or all when the meeting fails.
struct Refused : Error {
  using Error::Error;
};
std::string refusal(ErrorKind kind, const std::string& why);
/// Throws Refused when the text is a refusal.
void throw_if_refused(std::string_view text);

/// The ports at which rank 0 of a launch may be found.
std::vector<int> ports_of(const Launch& launch);

}  // namespace dcgan::rendezvous

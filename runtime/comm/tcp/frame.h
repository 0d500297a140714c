// Texts over a socket: a mark that tells ours from a stranger's, a length, and the bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/comm/tcp/socket.h"

namespace dcgan {

inline constexpr std::size_t kFrameHeader = 12;
inline constexpr std::size_t kMostFrameBytes = std::size_t{1} << 24;

/// Header and text.
std::string frame_of(std::string_view text);
/// The length behind a header; -1: it is no header of ours, or too long.
std::ptrdiff_t frame_length(std::string_view header);

void send_frame(const Socket& socket, std::string_view text, const Patience& patience);
/// Throws Error(peer_lost) also when what comes is no frame.
std::string receive_frame(const Socket& socket, const Patience& patience);

/// Fields of a text, which hold no newline.
std::string joined_lines(const std::vector<std::string>& lines);
std::vector<std::string> lines_of(std::string_view text);
/// -1: it is not a whole number from 0 to 2^31 - 1.
int number_of(const std::string& text);

}  // namespace dcgan

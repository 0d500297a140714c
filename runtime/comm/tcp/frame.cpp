#include "runtime/comm/tcp/frame.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

constexpr std::array<char, 8> kMark = {'d', 'c', 'g', 'a', 'n', ' ', 'r', '1'};

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

std::string frame_of(std::string_view text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  std::string frame(kMark.data(), kMark.size());
  for (int shift = 0; shift < 32; shift += 8) frame += static_cast<char>(length >> shift & 0xffu);
  return frame += text;
}

std::ptrdiff_t frame_length(std::string_view header) {
  if (header.size() < kFrameHeader || !std::equal(kMark.begin(), kMark.end(), header.begin())) {
    return -1;
  }
  std::uint32_t length = 0;
  for (int i = 0; i < 4; ++i) {
    const auto byte =
        static_cast<unsigned char>(header[kMark.size() + static_cast<std::size_t>(i)]);
    length |= std::uint32_t{byte} << (8 * i);
  }
  return length <= kMostFrameBytes ? static_cast<std::ptrdiff_t>(length) : -1;
}

void send_frame(const Socket& socket, std::string_view text, const Patience& patience) {
  const std::string frame = frame_of(text);
  transfer(&socket, bytes_of(frame), nullptr, {}, patience);
}

std::string receive_frame(const Socket& socket, const Patience& patience) {
  std::string text(kFrameHeader, '\0');
  const auto receive = [&] {
    transfer(nullptr, {}, &socket, {reinterpret_cast<std::byte*>(text.data()), text.size()},
             patience);
  };
  receive();
  const std::ptrdiff_t length = frame_length(text);
  if (length < 0) fail(ErrorKind::peer_lost, "what was received is not from a rank");
  text.resize(static_cast<std::size_t>(length));
  receive();
  return text;
}

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (std::string line : lines) {
    std::replace(line.begin(), line.end(), '\n', ' ');
    text += line + '\n';
  }
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

int number_of(const std::string& text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && value >= 0;
  return whole ? value : -1;
}

}  // namespace dcgan

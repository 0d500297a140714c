#include "runtime/comm/control_channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "runtime/base/errors.h"
#include "runtime/comm/tcp/frame.h"

namespace dcgan {
namespace {

constexpr std::chrono::seconds kBeat{1};
constexpr double kSilent = 5;  // seconds without a beat
constexpr Patience kShort{2.0, nullptr};

double seconds_since(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

}  // namespace

ControlChannel::ControlChannel(std::vector<Socket> sockets, const Shard& shard,
                               const CollectiveLog& log, double timeout_seconds, OnLost on_lost)
    : shard_(shard),
      log_(log),
      timeout_seconds_(timeout_seconds),
      on_lost_(std::move(on_lost)),
      states_(static_cast<std::size_t>(shard.world_size)) {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (!sockets[i].is_open()) continue;
    Line& line = lines_.emplace_back();
    line.socket = std::move(sockets[i]);
    line.rank = shard.rank == 0 ? static_cast<int>(i) : 0;
  }
  for (State& state : states_) state.heard = Clock::now();
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  DCGAN_CHECK(wake_ >= 0, "ranks: no descriptor for the control channel");
}

void ControlChannel::start() {
  thread_ = std::thread([this] { run(); });
}

void ControlChannel::stop() noexcept {
  if (!thread_.joinable()) return;
  stop_ = true;
  wake();
  thread_.join();
}

ControlChannel::~ControlChannel() {
  stop();
  ::close(wake_);
}

void ControlChannel::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void ControlChannel::tell(std::string_view reason) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (reason_.empty()) reason_ = reason;
  }
  wake();
}

void ControlChannel::goodbye() {
  goodbye_ = true;
  wake();
  const Deadline deadline = deadline_in(timeout_seconds_);
  while (!all_left_ && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string ControlChannel::late() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t own = log_.sequence();
  std::string text;
  for (std::size_t rank = 0; rank < states_.size(); ++rank) {
    if (static_cast<int>(rank) == shard_.rank) continue;
    const double silent = seconds_since(states_[rank].heard);
    const bool behind = states_[rank].sequence < own;
    if (!behind && silent < kSilent) continue;
    text +=
        fmt::format("{}rank {} is at #{}", text.empty() ? "" : ", ", rank, states_[rank].sequence);
    if (silent >= kSilent) text += fmt::format(" and silent for {:.0f} s", silent);
  }
  return text;
}

void ControlChannel::run() {
  Clock::time_point next_beat = Clock::now();
  while (!stop_) {
    if (Clock::now() >= next_beat) {
      beat();
      next_beat = Clock::now() + kBeat;
    }
    wait();
    for (Line& line : lines_) {
      if (!line.left) read(line);
    }
    std::string reason;
    {
      const std::lock_guard lock(mutex_);
      if (!reported_ && !reason_.empty()) {
        reason = reason_;
        reported_ = true;
      }
    }
    if (!reason.empty()) send_to_all("abort\n" + reason);
    // Rank 0 leaves last: its goodbye is the end for the others.
    const bool others_left =
        std::all_of(lines_.begin(), lines_.end(), [](const Line& line) { return line.left; });
    if (goodbye_ && !said_goodbye_ && (shard_.rank > 0 || others_left)) {
      for (Line& line : lines_) send_to(line, "goodbye\n");  // also to those that wait for rank 0's
      said_goodbye_ = true;
    }
    all_left_ = others_left && said_goodbye_;
  }
  // An abort that came just before the end is still told.
  const std::lock_guard lock(mutex_);
  if (!reported_ && !reason_.empty()) send_to_all("abort\n" + reason_);
}

void ControlChannel::wait() {
  std::vector<pollfd> polled{{wake_, POLLIN, 0}};
  for (const Line& line : lines_) {
    if (!line.left) polled.push_back({line.socket.descriptor(), POLLIN, 0});
  }
  poll(polled.data(), polled.size(), /*ms=*/250);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof count);
}

void ControlChannel::read(Line& line) {
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = recv(line.socket.descriptor(), block.data(), block.size(), 0);
    if (got > 0) {
      line.received.append(block.data(), static_cast<std::size_t>(got));
      continue;
    }
    const bool is_over = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    while (line.received.size() >= kFrameHeader) {
      const std::ptrdiff_t length = frame_length(line.received);
      if (length < 0) return lose(line, "sent what is not understood");
      const std::size_t whole = kFrameHeader + static_cast<std::size_t>(length);
      if (line.received.size() < whole) break;
      const std::string text = line.received.substr(kFrameHeader, whole - kFrameHeader);
      line.received.erase(0, whole);
      take(line, text);
      if (line.left) return;
    }
    if (is_over) lose(line, "connection lost");
    return;
  }
}

void ControlChannel::take(Line& line, const std::string& text) {
  const std::vector<std::string> lines = lines_of(text + "\n");
  if (lines.front() == "goodbye") {
    line.left = true;
  } else if (lines.front() == "abort") {
    line.left = true;
    report_lost(lines.size() > 1 ? lines[1] : fmt::format("rank {} was aborted", line.rank));
  } else if (lines.front() == "beat" && lines.size() > 1) {
    const std::lock_guard lock(mutex_);
    states_[static_cast<std::size_t>(line.rank)] = {std::atoll(lines[1].c_str()), Clock::now()};
  } else if (lines.front() == "states") {
    read_states(lines);
  }
}

void ControlChannel::lose(Line& line, const std::string& why) {
  line.left = true;
  if (said_goodbye_) return;  // this rank has nothing to lose any more
  report_lost(fmt::format("rank {}: {}", line.rank, why));
}

// The owner aborts, which tells the others.
void ControlChannel::report_lost(const std::string& why) {
  if (on_lost_) on_lost_(why);
}

void ControlChannel::send_to_all(const std::string& text) {
  for (Line& line : lines_) {
    if (!line.left) send_to(line, text);
  }
}

void ControlChannel::send_to(const Line& line, const std::string& text) {
  try {
    send_frame(line.socket, text, kShort);
  } catch (const Error&) {  // what is wrong shows when it is read
  }
}

void ControlChannel::beat() {
  if (shard_.rank > 0) return send_to_all(fmt::format("beat\n{}", log_.sequence()));
  {
    const std::lock_guard lock(mutex_);
    states_[0] = {log_.sequence(), Clock::now()};
  }
  send_to_all(states_text());
}

std::string ControlChannel::states_text() const {
  const std::lock_guard lock(mutex_);
  std::string text = "states\n";
  for (const State& state : states_) {
    const auto silent_ms = static_cast<std::int64_t>(seconds_since(state.heard) * 1e3);
    text += fmt::format("{} {}\n", state.sequence, silent_ms);
  }
  return text;
}

void ControlChannel::read_states(const std::vector<std::string>& lines) {
  const std::lock_guard lock(mutex_);
  for (std::size_t rank = 0; rank < states_.size() && rank + 1 < lines.size(); ++rank) {
    char* end = nullptr;
    const std::int64_t sequence = std::strtoll(lines[rank + 1].c_str(), &end, 10);
    const std::int64_t silent_ms = std::strtoll(end, nullptr, 10);
    states_[rank] = {sequence, Clock::now() - std::chrono::milliseconds(silent_ms)};
  }
}

}  // namespace dcgan

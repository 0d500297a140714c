#include "apps/start_ranks.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <deque>
#include <random>
#include <system_error>

#include "apps/messages.h"
#include "apps/rank_process.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kGrace{15};      // to end by itself when another rank has failed
constexpr std::chrono::seconds kTerminated{5};  // after SIGTERM
constexpr int kPeerLost = static_cast<int>(ErrorKind::peer_lost);
constexpr int kPreempted = static_cast<int>(ErrorKind::preempted);

[[noreturn]] void fail_system(const char* what) {
  fail(ErrorKind::io, "ranks: {}: {}", what, std::generic_category().message(errno));
}

// A socket that listens on a free port of the loopback address, so that no other program can take
// the port before rank 0 does.
void listen_here(RankStart& start) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail_system("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket, generic, size) != 0 || listen(socket, SOMAXCONN) != 0 ||
      getsockname(socket, generic, &size) != 0) {
    fail_system("listening on the loopback address");
  }
  start.listening_descriptor = socket;
  start.port = ntohs(address.sin_port);
}

/// The processes and what happens to them.
class Ranks {
 public:
  explicit Ranks(const RankStart& start) {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCHLD}) {
      sigaddset(&watched, number);
    }
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) fail_system("signalfd");
    try {
      for (int rank = 0; rank < start.count; ++rank) processes_.emplace_back(rank, start);
    } catch (...) {
      for (const RankProcess& process : processes_) process.signal(SIGKILL);
      throw;
    }
  }

  int wait() {
    while (any_runs() || any_output()) {
      poll_once();
      end_late_ones();
    }
    return exit_code_;
  }

 private:
  bool any_runs() const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const RankProcess& one) { return one.runs(); });
  }
  bool any_output() {
    return std::any_of(processes_.begin(), processes_.end(), [](RankProcess& one) {
      return std::any_of(one.outputs().begin(), one.outputs().end(),
                         [](const LineForwarder& output) { return output.descriptor() >= 0; });
    });
  }

  void poll_once() {
    std::vector<pollfd> polled{{signals_, POLLIN, 0}};
    std::vector<LineForwarder*> outputs;
    for (RankProcess& process : processes_) {
      for (LineForwarder& output : process.outputs()) {
        if (output.descriptor() < 0) continue;
        polled.push_back({output.descriptor(), POLLIN, 0});
        outputs.push_back(&output);
      }
    }
    if (poll(polled.data(), polled.size(), /*ms=*/200) < 0 && errno != EINTR) fail_system("poll");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (polled[i + 1].revents != 0) outputs[i]->read_some();
    }
    signalfd_siginfo info{};
    while (read(signals_, &info, sizeof info) == sizeof info) {
      const int number = static_cast<int>(info.ssi_signo);
      if (number == SIGCHLD) continue;
      for (const RankProcess& process : processes_) process.signal(number);
    }
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
      for (RankProcess& process : processes_) {
        if (process.pid() == pid) note_end(process, status);
      }
    }
  }

  // The first rank that fails by itself gives the exit code; those that have only lost it do not.
  void note_end(RankProcess& process, int status) {
    process.ended(status);
    const int code = *process.exit_code();
    if (code == 0) return;
    if (!terminated_ && (exit_code_ == 0 || exit_code_ == kPeerLost)) exit_code_ = code;
    if (code != kPreempted && !terminated_) {
      print_message(
          "ranks: rank {} ended with {}", process.rank(),
          code > 128 ? fmt::format("signal {}", code - 128) : fmt::format("code {}", code));
    }
    if (!deadline_) deadline_ = Clock::now() + kGrace;
  }

  void end_late_ones() {
    if (!deadline_ || Clock::now() < *deadline_ || !any_runs()) return;
    const int number = terminated_ ? SIGKILL : SIGTERM;
    for (const RankProcess& process : processes_) {
      if (!process.runs()) continue;
      print_message("ranks: rank {} does not end: signal {}", process.rank(), number);
      process.signal(number);
    }
    terminated_ = true;
    deadline_ = Clock::now() + kTerminated;
  }

  int signals_ = -1;
  std::deque<RankProcess> processes_;
  int exit_code_ = 0;
  std::optional<Clock::time_point> deadline_;
  bool terminated_ = false;
};

}  // namespace

int start_ranks(int count) {
  RankStart start;
  start.count = count;
  std::random_device random;
  start.run_id = fmt::format("{:08x}{:08x}", random(), random());
  listen_here(start);
  return Ranks(start).wait();
}

}  // namespace dcgan

#include "apps/stop_signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// A signal handler can use global variables only.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// When the first came, and since when another counts. Slurm sends SIGTERM twice within 10 ms when
// it preempts a job; a person does not.
std::atomic<std::int64_t> first_ns{0};
constexpr std::int64_t kSameNs = 200'000'000;

constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};

sigset_t stop_signal_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kStopSignals) sigaddset(&set, signal);
  return set;
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Whether there is something to finish first.
std::atomic<bool> deferred{false};

void on_signal(int signal) {
  if (!deferred) {
    constexpr std::string_view kText = "dcgan: stopped by a signal before the first step\n";
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
    ::_exit(static_cast<int>(ErrorKind::preempted));
  }
  const std::int64_t now = now_ns();
  if (!stop_requested.exchange(true)) {
    first_ns = now;
  } else if (now - first_ns > kSameNs) {
    _exit(128 + signal);
  }
}

// Before main, the constructors of the GPU libraries run for about 0.1 s, in which a signal would
// kill. This runs before them (a plain system call: nothing else is ready); main allows the signals
// when it has handlers. A command that does not train is left to end at once.
void hold_before_constructors(int argc, char** argv, char** /*environment*/) {
  if (argc < 2 || std::strcmp(argv[1], "train") != 0) return;
  std::uint64_t set = 0;  // the kernel's form
  for (const int signal : kStopSignals) set |= std::uint64_t{1} << (signal - 1);
  ::syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, sizeof set);
}

__attribute__((section(".preinit_array"),
               used)) void (*const kHold)(int, char**, char**) = hold_before_constructors;

}  // namespace

const std::atomic<bool>& watch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : kStopSignals) {
    struct sigaction before {};
    const bool ignored = sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!ignored) sigaction(signal, &action, nullptr);
  }
  return stop_requested;
}

void defer_stop_signals() { deferred = true; }

void hold_stop_signals() {
  const sigset_t set = stop_signal_set();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

void allow_stop_signals() {
  const sigset_t set = stop_signal_set();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace dcgan

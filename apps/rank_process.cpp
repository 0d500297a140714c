#include "apps/rank_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <system_error>

#include "apps/stop_signals.h"
#include "runtime/base/errors.h"

extern char** environ;

namespace dcgan {
namespace {

[[noreturn]] void fail_system(const char* what) {
  fail(ErrorKind::io, "ranks: {}: {}", what, std::generic_category().message(errno));
}

int cores_here() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

// This process's arguments.
std::vector<std::string> arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> all;
  for (std::string one; std::getline(file, one, '\0');) all.push_back(one);
  if (all.empty()) fail(ErrorKind::io, "ranks: /proc/self/cmdline cannot be read");
  return all;
}

std::vector<std::string> environment_of(int rank, const RankStart& start) {
  std::vector<std::string> own = {
      fmt::format("RANK={}", rank),
      fmt::format("WORLD_SIZE={}", start.count),
      fmt::format("LOCAL_RANK={}", rank),
      fmt::format("LOCAL_WORLD_SIZE={}", start.count),
      "MASTER_ADDR=127.0.0.1",
      fmt::format("MASTER_PORT={}", start.port),
      fmt::format("DCGAN_RUN_ID={}", start.run_id),
  };
  if (rank == 0) own.push_back(fmt::format("DCGAN_LISTEN_FD={}", start.listening_descriptor));
  const auto names = [](const std::string& a, const std::string& b) {  // the same variable
    return a.compare(0, a.find('='), b, 0, b.find('=')) == 0;
  };
  std::vector<std::string> all = own;
  bool has_threads = false;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string entry = *one;
    has_threads = has_threads || entry.rfind("OMP_NUM_THREADS=", 0) == 0;
    const bool replaced = std::any_of(own.begin(), own.end(),
                                      [&](const std::string& mine) { return names(mine, entry); });
    if (!replaced) all.push_back(entry);
  }
  // Ranks that are started here share the cores that this process has; those of another launcher
  // may have been given cores of their own (share_cores).
  if (!has_threads) {
    all.push_back(fmt::format("OMP_NUM_THREADS={}", std::max(cores_here() / start.count, 1)));
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail_system("pipe");
    read = ends[0];
    write = ends[1];
  }
};

// In the new process: only calls that are safe between fork and exec.
[[noreturn]] void become_rank(pid_t parent, int keep, int out, int error, char* const* arguments,
                              char* const* environment) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(128 + SIGTERM);
  setpgid(0, 0);  // Ctrl-C reaches the parent alone, which passes it on once
  if (keep >= 0) fcntl(keep, F_SETFD, 0);
  if (out >= 0) dup2(out, STDOUT_FILENO);
  if (error >= 0) dup2(error, STDERR_FILENO);
  hold_stop_signals();  // until it has handlers
  sigset_t child_ends;
  sigemptyset(&child_ends);
  sigaddset(&child_ends, SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &child_ends, nullptr);
  execve("/proc/self/exe", arguments, environment);
  _exit(127);
}

}  // namespace

void LineForwarder::read_some() {
  std::array<char, 4096> block{};
  const ssize_t got = read(descriptor_, block.data(), block.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) {
    pending_.append(block.data(), static_cast<std::size_t>(got));
    return write_lines();
  }
  close(descriptor_);
  descriptor_ = -1;
  if (!pending_.empty()) pending_ += '\n';
  write_lines();
}

void LineForwarder::write_lines() {
  for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
    const std::string line = prefix_ + pending_.substr(0, end + 1);
    std::fputs(line.c_str(), to_);
    pending_.erase(0, end + 1);
  }
  std::fflush(to_);
  std::clearerr(to_);  // a reader that has left ends no training
}

RankProcess::RankProcess(int rank, const RankStart& start) : rank_(rank) {
  std::vector<std::string> texts = arguments();
  std::vector<std::string> environment = environment_of(rank, start);
  const std::vector<char*> argument_pointers = pointers(texts);
  const std::vector<char*> environment_pointers = pointers(environment);
  std::optional<Pipe> out, error;
  if (rank > 0) {
    out.emplace();
    error.emplace();
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) fail_system("fork");
  if (pid_ == 0) {
    become_rank(parent, rank == 0 ? start.listening_descriptor : -1, out ? out->write : -1,
                error ? error->write : -1, argument_pointers.data(), environment_pointers.data());
  }
  if (rank == 0) return;
  close(out->write);
  close(error->write);
  const std::string prefix = fmt::format("[{}] ", rank);
  outputs_.emplace_back(out->read, prefix, stdout);
  outputs_.emplace_back(error->read, prefix, stderr);
}

void RankProcess::ended(int status) {
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void RankProcess::signal(int number) const {
  if (runs()) kill(pid_, number);
}

}  // namespace dcgan

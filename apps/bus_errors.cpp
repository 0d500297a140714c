#include "apps/bus_errors.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

// A signal handler can use global variables only. Never freed: an error may come at the very end.
struct Watched {
  std::string message;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};
const Watched* watched = nullptr;

void on_bus_error(int signal, siginfo_t* information, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
  if (address < watched->begin || address >= watched->end) {
    std::signal(signal, SIG_DFL);  // the access is repeated, and then ends the process
    return;
  }
  const std::string& message = watched->message;
  if (::write(STDERR_FILENO, message.data(), message.size()) < 0) _exit(128 + signal);
  _exit(static_cast<int>(ErrorKind::io));
}

}  // namespace

void explain_bus_errors(const std::string& path, std::span<const std::byte> mapped) {
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data());
  watched = new Watched{
      fmt::format(
          "dcgan: {}: cannot be read any more: it was cut while in use, or its disk failed\n",
          path),
      begin, begin + mapped.size()};
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace dcgan

// Errors: one exception type whose kind is also the program's exit code.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace dcgan {

/// What went wrong, in the terms a caller can act on. The values are the program's exit codes.
enum class ErrorKind {
  usage = 2,         ///< the command line cannot be understood
  bad_data = 65,     ///< an input file breaks its format
  unavailable = 69,  ///< a device or a library is not there
  internal = 70,     ///< a broken contract: a bug of the caller or of ours
  io = 74,           ///< reading or writing failed
  preempted = 75,    ///< stopped by a signal after saving
  config = 78,       ///< the options contradict each other or the data
  peer_lost = 79,    ///< another rank is gone or late
  diverged = 80,     ///< the training produced a number that is not finite
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }
  int exit_code() const noexcept { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// Throws Error(kind) with a formatted message: what, where, and the figures, in one line.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dcgan

/// Checks a contract on the host. Throws Error(internal) with the message that follows the
/// condition.
#define DCGAN_CHECK(condition, ...)                             \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::dcgan::fail(::dcgan::ErrorKind::internal, __VA_ARGS__); \
  } while (false)

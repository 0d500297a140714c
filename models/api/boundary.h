// The C boundary: no exception crosses it. Errors become a status and a message of the thread.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "dcgan/dcgan.h"
#include "runtime/base/errors.h"

namespace dcgan::api {

/// A refusal that has no ErrorKind: another thread's call, a child process.
class Refusal : public std::runtime_error {
 public:
  Refusal(dcgan_status status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  dcgan_status status() const noexcept { return status_; }

 private:
  dcgan_status status_;
};

/// Throws Error(usage) with a formatted message: what the caller gave, and what is wanted.
template <class... Args>
[[noreturn]] void misuse(fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorKind::usage, format, std::forward<Args>(args)...);
}

/// The status of the exception that is being handled; its message becomes the thread's last error,
/// behind "`function`: ".
dcgan_status status_of_current_exception(const char* function) noexcept;

/// Runs the body of a function of the library.
template <class Body>
dcgan_status guarded(const char* function, const Body& body) noexcept {
  try {
    body();
    return DCGAN_OK;
  } catch (...) {
    return status_of_current_exception(function);
  }
}

const char* last_error() noexcept;

}  // namespace dcgan::api

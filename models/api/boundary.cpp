#include "models/api/boundary.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>

namespace dcgan::api {
namespace {

// Of fixed size: no allocation on the way out of a failure, nothing to destroy with the thread.
thread_local char last_message[1024] = "";

void keep(const char* function, const char* what) noexcept {
  char* const end = last_message + sizeof last_message - 1;
  char* at = last_message;
  const auto append = [&](const char* text) {
    const std::size_t room = static_cast<std::size_t>(end - at);
    const std::size_t length = std::min(std::strlen(text), room);
    std::memcpy(at, text, length);
    at += length;
  };
  append(function);
  append(": ");
  append(what);
  *at = '\0';
}

dcgan_status status_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
      return DCGAN_ERROR_USAGE;
    case ErrorKind::bad_data:
      return DCGAN_ERROR_BAD_DATA;
    case ErrorKind::unavailable:
      return DCGAN_ERROR_UNAVAILABLE;
    case ErrorKind::io:
      return DCGAN_ERROR_IO;
    case ErrorKind::config:
      return DCGAN_ERROR_CONFIG;
    case ErrorKind::internal:
    case ErrorKind::preempted:  // of training alone, as what follows
    case ErrorKind::peer_lost:
    case ErrorKind::diverged:
      break;
  }
  return DCGAN_ERROR_INTERNAL;
}

}  // namespace

dcgan_status status_of_current_exception(const char* function) noexcept {
  try {
    throw;
  } catch (const Refusal& refusal) {
    keep(function, refusal.what());
    return refusal.status();
  } catch (const Error& error) {
    keep(function, error.what());
    return status_of(error.kind());
  } catch (const std::bad_alloc&) {
    keep(function, "the host has no memory left");
    return DCGAN_ERROR_UNAVAILABLE;
  } catch (const std::filesystem::filesystem_error& error) {
    keep(function, error.what());
    return DCGAN_ERROR_IO;
  } catch (const std::exception& error) {
    keep(function, error.what());
    return DCGAN_ERROR_INTERNAL;
  } catch (...) {
    keep(function, "an exception that is none of C++'s own");
    return DCGAN_ERROR_INTERNAL;
  }
}

const char* last_error() noexcept { return last_message; }

}  // namespace dcgan::api

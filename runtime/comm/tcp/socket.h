// Sockets with an owner, deadlines on every wait, and errors that name the other side.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace dcgan {

using Deadline = std::chrono::steady_clock::time_point;
Deadline deadline_in(double seconds);

/// Owns a descriptor; every socket is non-blocking.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  void close() noexcept;
  /// The descriptor, for another owner.
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_ = -1;
};

/// Listens on a port of every address of this machine; 0: one that is free. Nothing when the port
/// is taken; throws Error(io) on any other failure.
std::optional<Socket> listen_on_port(int port);
/// A socket that listens already and was inherited. Throws Error(config) when it is none.
Socket adopt_listener(int descriptor);
int port_of(const Socket& socket);
/// The address of the other end, as text.
std::string peer_address(const Socket& socket);

/// Nothing when nobody has come in the time.
std::optional<Socket> accept_one(const Socket& listener, Deadline deadline);
/// Nothing when nobody answers in the time, or the connection is refused; `why` then says it.
std::optional<Socket> connect_to(const std::string& host, int port, Deadline deadline,
                                 std::string& why);

/// What ends a wait besides its deadline.
struct Patience {
  double seconds = 0;                          ///< without any progress
  const std::atomic<bool>* aborted = nullptr;  ///< becomes true: no more waiting
};

/// Sends `out` to one and receives `in` from the other at the same time; either may be empty.
/// Throws Error(peer_lost) saying what happened: closed, reset, no progress in time, aborted.
void transfer(const Socket* to, std::span<const std::byte> out, const Socket* from,
              std::span<std::byte> in, const Patience& patience);

}  // namespace dcgan

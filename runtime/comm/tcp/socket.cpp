#include "runtime/comm/tcp/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSliceMs = 100;  // how late an abort may be seen

std::string system_text() { return std::generic_category().message(errno); }

int milliseconds_until(Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void set_options(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

bool wait_for(int descriptor, short events, Deadline deadline) {
  pollfd polled{descriptor, events, 0};
  for (;;) {
    const int ready = poll(&polled, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) {
      if (ready == 0 && Clock::now() < deadline) continue;
      return false;
    }
  }
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Addresses resolve(const std::string& host, int port, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) why = gai_strerror(status);
  return {found, [](addrinfo* list) {
            if (list != nullptr) freeaddrinfo(list);
          }};
}

bool is_again(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Moves what the socket takes now. False: nothing.
bool send_some(const Socket& socket, std::span<const std::byte>& out) {
  const ssize_t sent = send(socket.descriptor(), out.data(), out.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (is_again(errno)) return false;
    fail(ErrorKind::peer_lost, "connection lost while sending ({})", system_text());
  }
  out = out.subspan(static_cast<std::size_t>(sent));
  return true;
}

bool receive_some(const Socket& socket, std::span<std::byte>& in) {
  const ssize_t got = recv(socket.descriptor(), in.data(), in.size(), 0);
  if (got < 0) {
    if (is_again(errno)) return false;
    fail(ErrorKind::peer_lost, "connection lost while receiving ({})", system_text());
  }
  if (got == 0) fail(ErrorKind::peer_lost, "connection closed by the other side");
  in = in.subspan(static_cast<std::size_t>(got));
  return true;
}

}  // namespace

Deadline deadline_in(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

Socket::~Socket() { close(); }

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void Socket::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::optional<Socket> listen_on_port(int port) {
  // One socket of version 6 serves both; a machine without it has version 4 alone.
  for (const int family : {AF_INET6, AF_INET}) {
    Socket socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) continue;
    const int on = 1, off = 0;
    setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    if (family == AF_INET6) {
      setsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      auto& six = reinterpret_cast<sockaddr_in6&>(address);
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(static_cast<std::uint16_t>(port));
      size = sizeof six;
    } else {
      auto& four = reinterpret_cast<sockaddr_in&>(address);
      four.sin_family = AF_INET;
      four.sin_port = htons(static_cast<std::uint16_t>(port));
    }
    set_options(socket.descriptor());
    if (bind(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        listen(socket.descriptor(), SOMAXCONN) == 0) {
      return socket;
    }
    if (errno == EADDRINUSE || errno == EACCES) return std::nullopt;
    if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) break;
  }
  fail(ErrorKind::io, "ranks: listening on port {}: {}", port, system_text());
}

Socket adopt_listener(int descriptor) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    fail(ErrorKind::config, "ranks: descriptor {} (DCGAN_LISTEN_FD) is not a listening socket",
         descriptor);
  }
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  set_options(descriptor);
  return Socket(descriptor);
}

int port_of(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail(ErrorKind::io, "ranks: getsockname: {}", system_text());
  }
  // Both families keep the port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string peer_address(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> text{};
  if (getpeername(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getnameinfo(reinterpret_cast<sockaddr*>(&address), size, text.data(), text.size(), nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return "an unknown address";
  }
  const std::string name = text.data();
  constexpr std::string_view kMapped = "::ffff:";  // version 4 through a socket of version 6
  return name.rfind(kMapped, 0) == 0 ? name.substr(kMapped.size()) : name;
}

std::optional<Socket> accept_one(const Socket& listener, Deadline deadline) {
  while (wait_for(listener.descriptor(), POLLIN, deadline)) {
    Socket socket(accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.is_open()) continue;  // gone again, or a signal
    set_options(socket.descriptor());
    return socket;
  }
  return std::nullopt;
}

std::optional<Socket> connect_to(const std::string& host, int port, Deadline deadline,
                                 std::string& why) {
  const Addresses addresses = resolve(host, port, why);
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    Socket socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    if (!socket.is_open()) continue;
    set_options(socket.descriptor());
    int status = ::connect(socket.descriptor(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (status == EINPROGRESS) {
      socklen_t size = sizeof status;
      if (!wait_for(socket.descriptor(), POLLOUT, deadline)) {
        status = ETIMEDOUT;
      } else {
        getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &status, &size);
      }
    }
    if (status == 0) return socket;
    why = std::generic_category().message(status);
  }
  return std::nullopt;
}

void transfer(const Socket* to, std::span<const std::byte> out, const Socket* from,
              std::span<std::byte> in, const Patience& patience) {
  Deadline deadline = deadline_in(patience.seconds);
  while (!out.empty() || !in.empty()) {
    bool moved = false;
    if (!out.empty()) moved = send_some(*to, out);
    if (!in.empty()) moved = receive_some(*from, in) || moved;
    if (moved) {
      deadline = deadline_in(patience.seconds);
      continue;
    }
    // What has arrived counts, also when an abort has come since.
    if (patience.aborted != nullptr && patience.aborted->load()) {
      fail(ErrorKind::peer_lost, "aborted while waiting");
    }
    if (Clock::now() >= deadline) {
      fail(ErrorKind::peer_lost, "nothing {} for {:.1f} s", in.empty() ? "taken" : "received",
           patience.seconds);
    }
    std::array<pollfd, 2> polled{};
    nfds_t count = 0;
    if (!out.empty()) polled[count++] = {to->descriptor(), POLLOUT, 0};
    if (!in.empty()) polled[count++] = {from->descriptor(), POLLIN, 0};
    poll(polled.data(), count, std::min(kSliceMs, std::max(milliseconds_until(deadline), 1)));
  }
}

}  // namespace dcgan

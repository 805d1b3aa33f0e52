#include "tls-workers/frontend/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "dataplane/base/socket_address.h"

namespace frontend {
namespace {

/// What the kernel holds of replies that a client does not read, or of queries that we do not:
/// enough for a client at the other end of the world, little enough for thousands that stall.
/// Connections inherit it. The kernel doubles the figure for its own bookkeeping.
constexpr int kSocketBuffer = 64 * 1024;
/// How long the kernel tries to get sent octets acknowledged by a client that has vanished. RFC
/// 5482.
constexpr int kUserTimeoutMs = 10'000;

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool set_options(int fd, bool v4) {
  const bool freebind =
      v4 ? set(fd, IPPROTO_IP, IP_FREEBIND, 1)
         : set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // Without SO_REUSEADDR, connections of an instance that ended just now keep the address.
  return freebind && set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
         set(fd, SOL_SOCKET, SO_SNDBUF, kSocketBuffer) &&
         set(fd, SOL_SOCKET, SO_RCVBUF, kSocketBuffer) && set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
         set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

std::string sentence(const base::Endpoint& address, int error) {
  std::string text =
      "cannot listen for TCP at " + address.text() + ": " + std::system_category().message(error);
  if (error == EADDRINUSE)
    text += "; another program listens there (`ss -ltnp` names it), be it at all addresses";
  if (error == EACCES) text += "; ports below 1024 need CAP_NET_BIND_SERVICE";
  return text;
}

base::IpAddress address_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return base::IpAddress::v4(reinterpret_cast<const std::byte*>(&v4.sin_addr));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
  return base::IpAddress::v6(reinterpret_cast<const std::byte*>(&v6.sin6_addr));
}

uint16_t port_of(int fd, uint16_t otherwise) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return otherwise;
  // Both families have their port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port);
}

}  // namespace

base::Result<Listener, std::string> Listener::open(const base::Endpoint& address,
                                                   unsigned backlog) {
  const bool v4 = address.address.is_v4();
  const int fd =
      socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return base::fail(sentence(address, errno));
  Listener listener(fd, address);
  const base::SocketAddress place = base::socket_address(address);
  if (!set_options(fd, v4) || bind(fd, place.get(), place.size) != 0 ||
      listen(fd, static_cast<int>(backlog)) != 0) {
    return base::fail(sentence(address, errno));
  }
  listener.address_.port = port_of(fd, address.port);
  return listener;
}

Listener::~Listener() {
  if (fd_ >= 0) close(fd_);
}

base::Result<Accepted, int> accept_from(const Listener& listener) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int fd = accept4(listener.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return base::fail(int{errno});
  return Accepted{fd, address_of(peer)};
}

}  // namespace frontend

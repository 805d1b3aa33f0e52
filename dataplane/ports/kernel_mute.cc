#include "dataplane/ports/kernel_mute.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "dataplane/base/socket_address.h"

namespace ports {
namespace {

using base::Result;

/// The shortest classic BPF program there is: accept 0 octets of whatever comes.
bool drop_everything(int fd) {
  sock_filter accept_nothing = {BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program = {1, &accept_nothing};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

std::string reason_of(const base::Endpoint& endpoint, int error) {
  switch (error) {
    case EADDRINUSE:
      return endpoint.text() + " is in use by another program";
    case EADDRNOTAVAIL:
      return endpoint.text() + " is not an address of this machine";
    default:
      return endpoint.text() + " cannot be bound: " + strerror(error);
  }
}

bool allow_any_address(int fd, const base::Endpoint& endpoint) {
  const int on = 1;
  return endpoint.address.is_v4()
             ? setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) == 0
             : setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on) == 0;
}

Result<base::Descriptor, std::string> mute(const std::string& interface,
                                           const base::Endpoint& endpoint,
                                           KernelMute::Addresses addresses) {
  const base::SocketAddress address = base::socket_address(endpoint);
  base::Descriptor made(socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // The filter is on before the address is, so that not one query is ever queued. The interface is
  // named so that a second port can answer at the same addresses.
  if (!made.ok() || !drop_everything(made.get()) ||
      (addresses == KernelMute::Addresses::MayComeLater &&
       !allow_any_address(made.get(), endpoint)) ||
      setsockopt(made.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                 static_cast<socklen_t>(interface.size())) != 0 ||
      bind(made.get(), address.get(), address.size) != 0) {
    return base::fail(reason_of(endpoint, errno));
  }
  return made;
}

}  // namespace

Result<KernelMute, std::string> KernelMute::start(const std::string& interface,
                                                  const std::vector<base::Endpoint>& binds,
                                                  Addresses addresses) {
  KernelMute all;
  for (const base::Endpoint& endpoint : binds) {
    auto one = mute(interface, endpoint, addresses);
    if (!one) return base::fail(std::move(one.error()));
    all.sockets_.push_back(std::move(*one));
  }
  return all;
}

}  // namespace ports

#include "dataplane/ports/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataplane/ports/capability.h"

namespace ports {
namespace {

using base::Result;

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

Result<base::Descriptor, std::string> open_tun() {
  const std::string missing = missing_capabilities({Capability::NetAdmin});
  if (!missing.empty()) return base::fail("needs " + missing + "; run as root or grant it");
  base::Descriptor file(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (file.ok()) return file;
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    return base::fail(
        std::string("the kernel has no TAPs; expected /dev/net/tun, try: modprobe tun"));
  }
  return base::fail(std::string("/dev/net/tun cannot be opened: ") + strerror(errno));
}

std::string why_not_attached(int error) {
  switch (error) {
    case EBUSY:
      return "in use by another program";
    case EINVAL:
      return "there is an interface of that name already, and it is no TAP of one queue; expected "
             "another name, or to have it made with: ip tuntap add dev NAME mode tap";
    default:
      return std::string("the kernel makes no TAP of that name: ") + strerror(error);
  }
}

Result<void, std::string> attach(int file, const std::string& name) {
  ifreq request = request_for(name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(file, TUNSETIFF, &request) != 0) return base::fail(why_not_attached(errno));
  // A TAP from before may have been told that its user does checksums and segments.
  if (ioctl(file, TUNSETOFFLOAD, 0UL) != 0) {
    return base::fail(std::string("its offloads cannot be turned off: ") + strerror(errno));
  }
  return {};
}

Result<void, std::string> set_up(const TapSettings& settings) {
  const base::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq mac = request_for(settings.name);
  mac.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(mac.ifr_hwaddr.sa_data, settings.mac.data(), settings.mac.size());
  ifreq mtu = request_for(settings.name);
  mtu.ifr_mtu = static_cast<int>(settings.mtu);
  ifreq flags = request_for(settings.name);
  if (ioctl(socket.get(), SIOCSIFHWADDR, &mac) != 0 || ioctl(socket.get(), SIOCSIFMTU, &mtu) != 0 ||
      ioctl(socket.get(), SIOCGIFFLAGS, &flags) != 0) {
    return base::fail(std::string("it does not take the port's MAC and MTU: ") + strerror(errno));
  }
  flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_UP);
  if (ioctl(socket.get(), SIOCSIFFLAGS, &flags) != 0) {
    return base::fail(std::string("it cannot be brought up: ") + strerror(errno));
  }
  return {};
}

}  // namespace

Result<Tap, std::string> Tap::open(const TapSettings& settings) {
  auto file = open_tun();
  if (!file) return base::fail(std::move(file.error()));
  if (auto attached = attach(file->get(), settings.name); !attached) {
    return base::fail(std::move(attached.error()));
  }
  if (auto done = set_up(settings); !done) return base::fail(std::move(done.error()));
  return Tap(std::move(*file));
}

int Tap::write(base::ByteView frame) const {
  return ::write(file_.get(), frame.data(), frame.size()) < 0 ? errno : 0;
}

base::ByteView Tap::read(base::ByteSpan room) const {
  const ssize_t size = ::read(file_.get(), room.data(), room.size());
  return room.first(size < 0 ? 0 : static_cast<size_t>(size));
}

}  // namespace ports

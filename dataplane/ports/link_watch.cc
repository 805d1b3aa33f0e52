#include "dataplane/ports/link_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ports {
namespace {

using base::Result;

// The kernel charges about 2 kB for each message: a thousand interfaces can come at once.
constexpr int kRoom = 4 << 20;
constexpr unsigned kMostDatagrams = 1000;
constexpr size_t kLongestDatagram = 32 << 10;

/// The kernel aligns messages to four octets and writes them as its structures lie in memory.
template <typename Header>
bool read_header(base::ByteView bytes, Header& header) {
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  return true;
}

void read_link(uint16_t type, base::ByteView body, LinkNews& news) {
  ifinfomsg link{};
  if (!read_header(body, link) || link.ifi_index <= 0) return;
  const auto index = static_cast<unsigned>(link.ifi_index);
  // Bridges tell of their ports' leaving them in the same words, by another family.
  if (type == RTM_DELLINK && link.ifi_family == AF_UNSPEC) news.gone.push_back(index);
  if (type == RTM_NEWLINK && (link.ifi_flags & IFF_UP) == 0) news.down.push_back(index);
}

}  // namespace

void read_news(base::ByteView messages, LinkNews& news) {
  news.any = true;
  nlmsghdr header{};
  while (read_header(messages, header)) {
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.size()) return;
    if (header.nlmsg_type == RTM_NEWLINK || header.nlmsg_type == RTM_DELLINK) {
      read_link(header.nlmsg_type, messages.subspan(NLMSG_HDRLEN, header.nlmsg_len - sizeof header),
                news);
    }
    const size_t size = NLMSG_ALIGN(header.nlmsg_len);
    if (size >= messages.size()) return;
    messages = messages.subspan(size);
  }
}

Result<LinkWatch, std::string> LinkWatch::open() {
  LinkWatch watch;
  watch.socket_ =
      base::Descriptor(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!watch.socket_.ok() ||
      bind(watch.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::fail(std::string("the kernel does not tell of interfaces (rtnetlink): ") +
                      strerror(errno));
  }
  if (setsockopt(watch.socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom) != 0)
    (void)setsockopt(watch.socket_.get(), SOL_SOCKET, SO_RCVBUF, &kRoom, sizeof kRoom);
  return watch;
}

LinkNews LinkWatch::take() {
  LinkNews news;
  std::array<std::byte, kLongestDatagram> room;
  for (unsigned i = 0; socket_.ok() && i < kMostDatagrams; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = recvfrom(socket_.get(), room.data(), room.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      news.any = news.lost = true;
      continue;
    }
    if (size <= 0) break;
    // Other processes may write to it; the kernel is number 0.
    if (from.nl_pid == 0) read_news(base::ByteView(room).first(static_cast<size_t>(size)), news);
  }
  return news;
}

}  // namespace ports

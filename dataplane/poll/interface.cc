#include "dataplane/poll/interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace poll {
namespace {

using base::Result;

constexpr const char* kNone = "no such interface";

std::string reason() { return errno == ENODEV || errno == ENXIO ? kNone : strerror(errno); }

/// Requests about one interface, over a socket of no other use.
class Requests {
 public:
  explicit Requests(const std::string& name)
      : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    name.copy(request_.ifr_name, IFNAMSIZ - 1);
  }
  ~Requests() {
    if (socket_ >= 0) close(socket_);
  }
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  bool ask(unsigned long what) { return ioctl(socket_, what, &request_) == 0; }
  bool ask_driver(void* command) {
    request_.ifr_data = static_cast<char*>(command);
    return ask(SIOCETHTOOL);
  }
  [[nodiscard]] const ifreq& answer() const { return request_; }

 private:
  int socket_;
  ifreq request_{};
};

void read_channels(Requests& requests, Interface& interface) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (!requests.ask_driver(&channels)) return;  // The driver has one queue and no words for it.
  interface.combined = std::max(1U, channels.combined_count);
  interface.receive_queues = std::max(1U, channels.combined_count + channels.rx_count);
}

std::optional<unsigned> highest_hashed_queue(Requests& requests) {
  ethtool_rxfh_indir size{};
  size.cmd = ETHTOOL_GRXFHINDIR;
  if (!requests.ask_driver(&size) || size.size == 0) return std::nullopt;
  // The table follows its header, so both are read into one array of the header's own 32-bit words.
  constexpr size_t kHeaderWords = sizeof(ethtool_rxfh_indir) / sizeof(uint32_t);
  std::vector<uint32_t> words(kHeaderWords + size.size);
  words[0] = ETHTOOL_GRXFHINDIR;
  words[1] = size.size;
  if (!requests.ask_driver(words.data())) return std::nullopt;
  return *std::max_element(words.begin() + kHeaderWords, words.end());
}

void read_spread(Requests& requests, Interface& interface) {
  // A driver that hashes without showing its table spreads over all it has.
  const auto highest = highest_hashed_queue(requests);
  interface.hashed_queues = highest ? *highest + 1 : interface.receive_queues;
}

}  // namespace

Result<InterfaceState, std::string> look_at_interface(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return base::fail(std::string(kNone));
  InterfaceState state;
  state.name = name;
  Requests requests(name);
  if (!requests.ask(SIOCGIFINDEX)) return base::fail(reason());
  state.index = static_cast<unsigned>(requests.answer().ifr_ifindex);
  if (!requests.ask(SIOCGIFFLAGS)) return base::fail(reason());
  state.up = (requests.answer().ifr_flags & IFF_UP) != 0;
  state.carrier = (requests.answer().ifr_flags & IFF_RUNNING) != 0;
  if (!requests.ask(SIOCGIFMTU)) return base::fail(reason());
  state.mtu = static_cast<unsigned>(requests.answer().ifr_mtu);
  if (!requests.ask(SIOCGIFHWADDR)) return base::fail(reason());
  std::memcpy(state.mac.data(), requests.answer().ifr_hwaddr.sa_data, state.mac.size());
  return state;
}

Result<InterfaceState, std::string> look_at_interface(unsigned index) {
  std::array<char, IFNAMSIZ> name{};
  if (if_indextoname(index, name.data()) == nullptr) return base::fail(std::string(kNone));
  auto state = look_at_interface(std::string(name.data()));
  // It may have been renamed, and its name taken, between the two.
  if (state && state->index != index) return base::fail(std::string(kNone));
  return state;
}

Result<Interface, std::string> find_interface(const std::string& name) {
  auto state = look_at_interface(name);
  if (!state) return base::fail(std::move(state.error()));
  Interface interface;
  static_cast<InterfaceState&>(interface) = std::move(*state);
  Requests requests(name);
  read_channels(requests, interface);
  read_spread(requests, interface);
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  interface.has_bus = requests.ask_driver(&driver) && driver.bus_info[0] != '\0';
  return interface;
}

}  // namespace poll

#include "dataplane/ports/interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace ports {
namespace {

using base::Result;

constexpr uint16_t kIp6Gre = 823;  // ARPHRD_IP6GRE, which glibc lacks.
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
  interface.only_receive = channels.rx_count;
  interface.only_send = channels.tx_count;
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
  state.hardware = requests.answer().ifr_hwaddr.sa_family;
  std::memcpy(state.mac.data(), requests.answer().ifr_hwaddr.sa_data, state.mac.size());
  return state;
}

std::string why_no_ethernet(const InterfaceState& interface) {
  const auto sentence = [](const char* what) {
    return std::string("it is ") + what +
           ", whose packets have no Ethernet header; expected an interface that has. Clients "
           "behind "
           "it can be served over TCP, DoT and DoH, which take no port";
  };
  switch (interface.hardware) {
    case ARPHRD_ETHER:
      return {};
    case ARPHRD_LOOPBACK:
      return "it is the loopback interface, over which no packet comes from a network; expected "
             "one to clients";
    case ARPHRD_NONE:
      return sentence("a tunnel (TUN, WireGuard)");
    case ARPHRD_PPP:
      return sentence("a PPP link");
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case kIp6Gre:
      return sentence("an IP tunnel");
    case ARPHRD_INFINIBAND:
      return sentence("an InfiniBand link");
    default:
      return sentence(
          ("of another kind (ARPHRD " + std::to_string(interface.hardware) + ")").c_str());
  }
}

std::vector<unsigned> vlans_on(const std::string& interface) {
  // "eth0.20 | 20 | eth0", behind two lines of heading.
  std::vector<unsigned> ids;
  std::ifstream file("/proc/net/vlan/config");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, bar, other_bar, below;
    unsigned id = 0;
    if (words >> name >> bar >> id >> other_bar >> below && below == interface) ids.push_back(id);
  }
  return ids;
}

TagAdvice advise_on_tags(const Interface& interface, unsigned vlan,
                         const std::vector<unsigned>& vlans) {
  if (!interface.strips_tags) return {};
  const std::string remedy = interface.has_bus
                                 ? "ethtool -K " + interface.name + " rxvlan off"
                                 : "ethtool -K PEER txvlan off, where PEER is its other end";
  if (vlan != 0 && interface.has_bus) {
    return {TagAdvice::Kind::Refuse,
            "vlan: " + std::to_string(vlan) +
                ", and the interface takes the tag off (rx-vlan-offload), so that every query "
                "would be dropped; expected: " +
                remedy + ", or af_packet:" + interface.name};
  }
  const std::string who = interface.has_bus ? "the interface takes off (rx-vlan-offload)"
                                            : "their sender leaves to a NIC (tx-vlan-offload)";
  const std::string fate = vlan == 0 ? "answered" : "dropped (vlan)";
  const bool sure = vlan != 0 || !vlans.empty();
  return {sure ? TagAdvice::Kind::Warn : TagAdvice::Kind::Tell,
          "frames whose VLAN tag " + who + " pass for untagged ones and are " + fate + "; " +
              (sure ? "" : "if there are VLANs on this wire: ") + remedy};
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
  ethtool_value flags{};
  flags.cmd = ETHTOOL_GFLAGS;
  interface.strips_tags = requests.ask_driver(&flags) && (flags.data & ETH_FLAG_RXVLAN) != 0;
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  interface.has_bus = requests.ask_driver(&driver) && driver.bus_info[0] != '\0';
  return interface;
}

}  // namespace ports

#include "dataplane/ports/port.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "dataplane/ports/capability.h"
#include "dataplane/ports/eal.h"
#include "dataplane/ports/eal_plan.h"
#include "dataplane/ports/pci_device.h"

namespace ports {
namespace {

using base::Result;

constexpr uint16_t kDescriptors = 1024;  // Per ring: 100 us of slack at 10 million frames a second.
// As many as the driver keeps buffers ready for. A core that shares its CPU with others is away for
// a few milliseconds at times; of 700,000 frames a second 0.7 % were lost with this, 1.9 % with
// 1024.
constexpr uint16_t kAfXdpReceiveDescriptors = 2048;
constexpr unsigned kPoolCache = 512;   // RTE_MEMPOOL_CACHE_MAX_SIZE; it may grow to 1.5 times that.
constexpr unsigned kMbufsInHand = 64;  // Of a core: frames received and fills being composed.
constexpr uint16_t kFrameRoom = 2048;
// The driver parks 2048 mbufs in a queue's fill ring, and the kernel may hold 2048 more until they
// are sent.
constexpr unsigned kAfXdpParked = 2048 + 2048;
// A driver of the raw kind may keep mbufs: net_pcap with infinite_rx holds every frame of its file
// in one.
constexpr unsigned kVdevKept = 12 * 1024;
// The driver's receive buffer is a page: 4096 - 512 of headroom and bookkeeping, less what DPDK
// counts as overhead.
constexpr unsigned kAfXdpMtuMax = 3498;
// The size of the per-queue statistics that af_xdp and af_packet fill in for each queue without
// looking.
constexpr uint16_t kKernelQueuesMax = RTE_ETHDEV_QUEUE_STAT_CNTRS;
// XSKs of one program: MAX_QUEUES in redirect.bpf.c.
static_assert(kKernelQueuesMax <= 256);

std::string missing_rights(std::initializer_list<Capability> needed) {
  const std::string missing = missing_capabilities(needed);
  return missing.empty() ? missing : "needs " + missing + "; run as root or grant them";
}

/// The kernel pins what it shares with us: without this right, only up to the limit of locked
/// memory.
bool may_lock_memory() {
  rlimit limit{};
  return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

LockedMemory locked_memory() {
  return may_lock_memory() || missing_capabilities({Capability::IpcLock}).empty()
             ? LockedMemory::Unlimited
             : LockedMemory::Limited;
}

std::string count_of(unsigned count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// UDP by its ports as well as its addresses; a driver that cannot, by its addresses.
uint64_t hashing_for_queries(uint64_t offered) {
  uint64_t chosen = offered & (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP);
  if ((chosen & RTE_ETH_RSS_NONFRAG_IPV4_UDP) == 0) chosen |= offered & RTE_ETH_RSS_IPV4;
  if ((chosen & RTE_ETH_RSS_NONFRAG_IPV6_UDP) == 0) chosen |= offered & RTE_ETH_RSS_IPV6;
  return chosen;
}

/// `key` has to live until `wanted` has been handed over. A driver that names no size of key takes
/// 40 octets, and one of its own, known to all, if it is given none: vmxnet3 does.
void spread_over_queues(const rte_eth_dev_info& info, std::span<uint8_t> key,
                        rte_eth_conf& wanted) {
  constexpr size_t kUsualKey = 40;
  const uint64_t hashed = hashing_for_queries(info.flow_type_rss_offloads);
  if (hashed == 0) return;
  rte_eth_rss_conf& spread = wanted.rx_adv_conf.rss_conf;
  wanted.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  spread.rss_hf = hashed;
  spread.rss_key = key.data();
  const size_t size = info.hash_key_size == 0 ? kUsualKey : info.hash_key_size;
  spread.rss_key_len = static_cast<uint8_t>(std::min(size, key.size()));
}

/// Every queue that frames arrive on needs a socket of ours, else the kernel refuses the queries
/// that land there.
Result<void, std::string> check_queues(const Interface& interface, uint16_t queues) {
  if (queues > kKernelQueuesMax) {
    return base::fail("queues: " + std::to_string(queues) + ", and this driver serves " +
                      std::to_string(kKernelQueuesMax) + " at most");
  }
  if (queues > interface.combined && interface.only_receive > 1) {
    return base::fail("queues: " + std::to_string(queues) + ", and the interface has " +
                      count_of(interface.only_receive, "receive channel") + " and " +
                      count_of(interface.only_send, "transmit channel") +
                      " apart, of which DPDK's driver uses " + std::to_string(interface.combined) +
                      "; expected af_packet:" + interface.name +
                      ", or queues: " + std::to_string(interface.combined) + " after: ethtool -L " +
                      interface.name + " rx " + std::to_string(interface.combined));
  }
  if (queues > interface.combined) {
    return base::fail("queues: " + std::to_string(queues) + ", and the interface has " +
                      count_of(interface.combined, "combined channel"));
  }
  if (interface.hashed_queues <= queues) return {};
  const std::string wanted = std::to_string(queues);
  const std::string used = std::to_string(interface.hashed_queues);
  const std::string remedy =
      interface.combined >= interface.hashed_queues
          ? "queues: " + used + ", or: ethtool -X " + interface.name + " equal " + wanted
          : "ethtool -L " + interface.name + " rx " + wanted;
  return base::fail("queues: " + wanted + ", and the interface spreads frames over " + used +
                    ", so that the kernel would refuse queries on the others; expected " + remedy);
}

Result<Interface, std::string> find_usable(const PortSettings& settings) {
  auto interface = find_interface(settings.target);
  if (!interface) return interface;
  if (std::string why = why_no_ethernet(*interface); !why.empty())
    return base::fail(std::move(why));
  if (!interface->up) {
    return base::fail("the interface is down; bring it up with: ip link set dev " +
                      settings.target + " up");
  }
  return interface;
}

Result<Interface, std::string> check_af_xdp(const PortSettings& settings) {
  auto interface = find_usable(settings);
  if (!interface) return interface;
  const std::string rights =
      may_lock_memory()
          ? missing_rights({Capability::NetAdmin, Capability::NetRaw, Capability::SysAdmin})
          : missing_rights({Capability::NetAdmin, Capability::NetRaw, Capability::SysAdmin,
                            Capability::IpcLock});
  if (!rights.empty()) return base::fail(rights);
  if (interface->mtu > kAfXdpMtuMax) {
    return base::fail("MTU " + std::to_string(interface->mtu) + ", and XDP works up to " +
                      std::to_string(kAfXdpMtuMax) + "; set it with: ip link set dev " +
                      interface->name + " mtu 1500");
  }
  if (auto queues = check_queues(*interface, settings.queues); !queues)
    return base::fail(std::move(queues.error()));
  const TagAdvice tags = advise_on_tags(*interface, settings.vlan, vlans_on(interface->name));
  if (tags.kind == TagAdvice::Kind::Refuse) return base::fail(tags.text);
  if (!tags.text.empty()) {
    log_line(tags.kind == TagAdvice::Kind::Warn ? LogLevel::Warning : LogLevel::Info,
             "port " + settings.device + ": " + tags.text);
  }
  return interface;
}

Result<Interface, std::string> check_af_packet(const PortSettings& settings) {
  auto interface = find_usable(settings);
  if (!interface) return interface;
  const std::string rights =
      missing_rights({Capability::NetAdmin, Capability::NetRaw, Capability::IpcLock});
  if (!rights.empty()) return base::fail(rights);
  if (settings.queues > kKernelQueuesMax) {
    return base::fail("queues: " + std::to_string(settings.queues) + ", and this driver serves " +
                      std::to_string(kKernelQueuesMax) + " at most");
  }
  return interface;
}

std::string af_xdp_arguments(const Interface& interface, uint16_t queues,
                             const std::string& program) {
  std::string text = "iface=" + interface.name +
                     ",start_queue=0,queue_count=" + std::to_string(queues) +
                     ",xdp_prog=" + program;
  // With busy polling every empty poll is a system call, and runs the NIC's receive work on the
  // poll core. Without, an empty poll is none, but a zero-copy NIC that has run out of buffers puts
  // the driver into poll(2) for up to a second. An interface made of software is never zero-copy:
  // it goes without. A NIC keeps the driver's default, 64 frames. Either way frames arrive by
  // interrupt while the core sleeps, so no idle setting depends on this.
  if (!interface.has_bus) text += ",busy_budget=0";
  return text;
}

std::string af_packet_arguments(const PortSettings& settings) {
  // 4096 frames of 2 kB each way: 10 ms at 400,000 a second, more than a scheduler tick. The block
  // is a multiple of the frame, as the driver needs it.
  return "iface=" + settings.target + ",qpairs=" + std::to_string(settings.queues) +
         ",blocksz=65536,framesz=2048,framecnt=4096,qdisc_bypass=1";
}

unsigned pool_size(DeviceKind kind, uint16_t receive_ring, uint16_t transmit_ring) {
  unsigned needed = transmit_ring + kPoolCache + kPoolCache / 2 + kMbufsInHand;
  // On af_xdp the receive ring holds what was parked for it.
  needed += kind == DeviceKind::AfXdp ? kAfXdpParked : receive_ring;
  if (kind == DeviceKind::Vdev) needed += kVdevKept;
  return std::bit_ceil(needed + 1) - 1;  // A mempool's ring holds a power of two less one.
}

std::string with_complaints(const std::string& text) {
  const std::string complaints = take_complaints();
  return complaints.empty() ? text : text + ": " + complaints;
}

std::string failure(const char* what, int error) {
  return with_complaints(std::string(what) + " (" + strerror(error < 0 ? -error : error) + ")");
}

}  // namespace

/// Members in the order they come to be; they go in reverse.
struct Port::Device {
  PortSettings settings;
  std::string device;  // As EAL knows it.
  uint16_t id = RTE_MAX_ETHPORTS;
  std::array<std::byte, 6> mac{};
  uint16_t mtu = 0;

  XdpClaim claim;
  XdpObject object;
  std::optional<XdpAttachment> program;
  KernelMute mute;
  Interface interface;
  std::vector<rte_mempool*> pools;
  bool probed = false;
  bool started = false;
  rte_eth_stats before{};

  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  Result<void, std::string> open(const std::vector<base::Endpoint>& binds, unsigned index,
                                 KernelMute::Addresses addresses);
  Result<std::string, std::string> prepare(const std::vector<base::Endpoint>& binds,
                                           KernelMute::Addresses addresses);
  Result<void, std::string> probe(const std::string& arguments);
  Result<void, std::string> configure();
  Result<void, std::string> set_up_queues(unsigned index);
  Result<void, std::string> make_pool(unsigned index, uint16_t queue, unsigned size);
  Result<void, std::string> start();
};

Port::Device::~Device() {
  if (started) (void)rte_eth_dev_stop(id);
  if (id != RTE_MAX_ETHPORTS) (void)rte_eth_dev_close(id);
  if (probed) (void)rte_eal_hotplug_remove("vdev", device.c_str());
  for (rte_mempool* pool : pools) rte_mempool_free(pool);
}

Result<void, std::string> Port::Device::open(const std::vector<base::Endpoint>& binds,
                                             unsigned index, KernelMute::Addresses addresses) {
  auto arguments = prepare(binds, addresses);
  if (!arguments) return base::fail(std::move(arguments.error()));
  (void)take_complaints();  // Those of others.
  if (auto done = probe(*arguments); !done) return done;
  if (auto done = configure(); !done) return done;
  if (auto done = set_up_queues(index); !done) return done;
  if (auto done = start(); !done) return done;
  if (settings.kind != DeviceKind::AfXdp) return {};
  auto admitted = XdpAttachment::admit(interface, binds);
  if (!admitted) return base::fail(std::move(admitted.error()));
  program = std::move(*admitted);
  return {};
}

/// Everything that can be checked or taken before the driver touches the device. Gives the driver's
/// arguments.
Result<std::string, std::string> Port::Device::prepare(const std::vector<base::Endpoint>& binds,
                                                       KernelMute::Addresses addresses) {
  if (settings.queues == 0) return base::fail(std::string("queues: 0, expected 1 or more"));
  if (settings.kind == DeviceKind::Vdev) {
    const size_t comma = settings.target.find(',');
    return comma == std::string::npos ? std::string() : settings.target.substr(comma + 1);
  }
  if (settings.kind == DeviceKind::Pci) return std::string();

  auto found =
      settings.kind == DeviceKind::AfXdp ? check_af_xdp(settings) : check_af_packet(settings);
  if (!found) return base::fail(std::move(found.error()));
  interface = std::move(*found);
  if (settings.kind == DeviceKind::AfPacket) {
    auto muted = KernelMute::start(interface.name, binds, addresses);
    if (!muted) return base::fail(std::move(muted.error()));
    mute = std::move(*muted);
    return af_packet_arguments(settings);
  }
  auto claimed = XdpClaim::take(interface);
  if (!claimed) return base::fail(std::move(claimed.error()));
  claim = std::move(*claimed);
  if (auto clear = clear_interface(interface); !clear) return base::fail(std::move(clear.error()));
  auto made = XdpObject::create();
  if (!made) return base::fail(std::move(made.error()));
  object = std::move(*made);
  return af_xdp_arguments(interface, settings.queues, object.path());
}

Result<void, std::string> Port::Device::probe(const std::string& arguments) {
  // EAL has probed PCI devices at its own start; the others are plugged in here, after their
  // checks.
  if (settings.kind != DeviceKind::Pci) {
    if (rte_eth_dev_get_port_by_name(device.c_str(), &id) == 0) {
      id = RTE_MAX_ETHPORTS;  // Not ours to close.
      return base::fail("there is a device " + device + " already");
    }
    if (const int error = rte_eal_hotplug_add("vdev", device.c_str(), arguments.c_str());
        error != 0) {
      return base::fail(failure("the driver does not take the device", error));
    }
    probed = true;
  }
  if (rte_eth_dev_get_port_by_name(device.c_str(), &id) == 0) return {};
  id = RTE_MAX_ETHPORTS;
  if (settings.kind == DeviceKind::Pci) {
    return base::fail(with_complaints(why_not_driven(settings.target, locked_memory())));
  }
  return base::fail("the driver made no port called " + device);
}

Result<void, std::string> Port::Device::configure() {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(id, &info); error != 0) {
    return base::fail(failure("the driver says nothing about the device", error));
  }
  const uint16_t most = std::min(info.max_rx_queues, info.max_tx_queues);
  if (settings.queues > most) {
    return base::fail("queues: " + std::to_string(settings.queues) + ", and the device has " +
                      count_of(most, "queue pair"));
  }
  rte_eth_conf wanted{};
  // Drawn anew: a sender that knows the key can choose source ports that all land on one queue.
  std::array<uint8_t, 64> key{};
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return base::fail(
        std::string("the kernel gives no random bytes for the key of receive hashing"));
  }
  if (settings.queues > 1) spread_over_queues(info, key, wanted);
  if (settings.queues > 1 && settings.kind == DeviceKind::Pci &&
      wanted.rxmode.mq_mode == RTE_ETH_MQ_RX_NONE) {
    log_line(LogLevel::Warning, "port " + settings.device + ": the driver " + info.driver_name +
                                    " does not spread frames over queues; all of them come to the "
                                    "first, and one core would do");
  }
  if (const int error = rte_eth_dev_configure(id, settings.queues, settings.queues, &wanted);
      error != 0) {
    return base::fail(failure("the driver does not take the configuration", error));
  }
  return {};
}

Result<void, std::string> Port::Device::set_up_queues(unsigned index) {
  uint16_t receive_ring =
      settings.kind == DeviceKind::AfXdp ? kAfXdpReceiveDescriptors : kDescriptors;
  uint16_t transmit_ring = kDescriptors;
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &receive_ring, &transmit_ring);
      error != 0) {
    return base::fail(failure("the driver does not take the ring sizes", error));
  }
  const unsigned frames = pool_size(settings.kind, receive_ring, transmit_ring);
  const int node = rte_eth_dev_socket_id(id);
  const auto socket = static_cast<unsigned>(node < 0 ? SOCKET_ID_ANY : node);
  for (uint16_t queue = 0; queue < settings.queues; ++queue) {
    if (auto made = make_pool(index, queue, frames); !made) return made;
    if (const int error =
            rte_eth_rx_queue_setup(id, queue, receive_ring, socket, nullptr, pools[queue]);
        error != 0) {
      return base::fail(failure("the driver does not set up the receive queue", error));
    }
    if (const int error = rte_eth_tx_queue_setup(id, queue, transmit_ring, socket, nullptr);
        error != 0) {
      return base::fail(failure("the driver does not set up the transmit queue", error));
    }
  }
  return {};
}

Result<void, std::string> Port::Device::make_pool(unsigned index, uint16_t queue, unsigned size) {
  const std::string name = "frames_" + std::to_string(index) + "_" + std::to_string(queue);
  rte_mempool* const pool =
      rte_pktmbuf_pool_create(name.c_str(), size, kPoolCache, 0, kFrameRoom + RTE_PKTMBUF_HEADROOM,
                              rte_eth_dev_socket_id(id));
  if (pool == nullptr) {
    return base::fail("no memory for " + std::to_string(size) + " frames of queue " +
                      std::to_string(queue) + "; expected more dataplane.memory");
  }
  pools.push_back(pool);
  // af_xdp registers the pool's first piece with the kernel and takes it for the whole.
  if (settings.kind == DeviceKind::AfXdp && pool->nb_mem_chunks != 1) {
    return base::fail(std::string(
        "its frames are not in one piece of memory; expected hugepages: off, or an IOMMU if "
        "a pci port is used beside it"));
  }
  return {};
}

Result<void, std::string> Port::Device::start() {
  if (const int error = rte_eth_dev_start(id); error != 0) {
    return base::fail(failure("the device does not start", error));
  }
  started = true;
  // Routers ask for our MAC by multicast (RFC 4861 §7.2.1), and the kernel answers. A driver that
  // knows no such switch hands over everything anyway.
  if (settings.exception == Exception::Tap) {
    const int error = rte_eth_allmulticast_enable(id);
    if (error != 0 && error != -ENOTSUP) {
      return base::fail(failure("the device does not take multicast, which IPv6 needs", error));
    }
  }
  rte_ether_addr address{};
  if (const int error = rte_eth_macaddr_get(id, &address); error != 0) {
    return base::fail(failure("the device has no MAC address", error));
  }
  std::memcpy(mac.data(), address.addr_bytes, mac.size());
  // For an interface of the kernel's, DPDK assumes 1500 whatever it is.
  mtu = static_cast<uint16_t>(std::min(interface.mtu, 0xFFFFU));
  if (mtu == 0) (void)rte_eth_dev_get_mtu(id, &mtu);
  (void)rte_eth_stats_get(id, &before);
  return {};
}

Port::Port(std::unique_ptr<Device> device) : device_(std::move(device)) {}
Port::~Port() = default;
Port::Port(Port&&) noexcept = default;
Port& Port::operator=(Port&&) noexcept = default;

Result<Port, std::string> Port::open(const PortSettings& settings,
                                     const std::vector<base::Endpoint>& binds, unsigned index,
                                     KernelMute::Addresses addresses) {
  auto device = std::make_unique<Device>();
  device->settings = settings;
  device->device = device_name(settings, index);
  if (auto opened = device->open(binds, index, addresses); !opened) {
    return base::fail("port " + settings.device + ": " + opened.error());
  }
  return Port(std::move(device));
}

uint16_t Port::id() const { return device_->id; }
const std::string& Port::name() const { return device_->settings.device; }
const std::array<std::byte, 6>& Port::mac() const { return device_->mac; }
uint16_t Port::queues() const { return device_->settings.queues; }
uint16_t Port::mtu() const { return device_->mtu; }
uint16_t Port::vlan() const { return device_->settings.vlan; }
bool Port::verify_checksum() const { return device_->settings.verify_checksum; }
rte_mempool* Port::pool(uint16_t queue) const { return device_->pools[queue]; }
unsigned Port::pool_in_use(uint16_t queue) const {
  return rte_mempool_in_use_count(device_->pools[queue]);
}

const InterfaceState* Port::interface() const {
  return device_->interface.index == 0 ? nullptr : &device_->interface;
}
const XdpAttachment* Port::program() const {
  return device_->program ? &*device_->program : nullptr;
}

void Port::take(const InterfaceState& state) {
  static_cast<InterfaceState&>(device_->interface) = state;
  device_->mac = state.mac;
  device_->mtu = static_cast<uint16_t>(std::min(state.mtu, 0xFFFFU));
}

bool Port::link_is_up() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(device_->id, &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
}

PortStatistics Port::statistics() const {
  rte_eth_stats now{};
  if (rte_eth_stats_get(device_->id, &now) != 0) return {};
  const rte_eth_stats& before = device_->before;
  return {now.imissed - before.imissed, now.rx_nombuf - before.rx_nombuf,
          now.ierrors - before.ierrors, now.oerrors - before.oerrors};
}

std::optional<int> Port::numa_node() const {
  const int node = rte_eth_dev_socket_id(id());
  if (node < 0) return std::nullopt;
  return node;
}

}  // namespace ports

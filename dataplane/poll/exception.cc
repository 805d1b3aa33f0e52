#include "dataplane/poll/exception.h"

#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <utility>

#include "dataplane/base/assert.h"
#include "dataplane/poll/lcore_state.h"

namespace poll {
namespace {

using base::Reader;
using base::Writer;

constexpr uint16_t kEtherIpv4 = 0x0800, kEtherArp = 0x0806, kEtherIpv6 = 0x86DD;
constexpr uint16_t kEtherVlan = 0x8100, kVlanIdMask = 0x0FFF;
constexpr size_t kMacs = 12, kTag = 4;
constexpr size_t kShortest = 60;  // Of an Ethernet frame without FCS; not every NIC pads.
constexpr unsigned kFramesPerTurn = 32;

/// A frame's first octets.
struct Head {
  MacAddress to;
  MacAddress from;
  bool tagged = false;
  uint16_t vlan = 0;
  uint16_t ether_type = 0;
  ByteView packet;
  bool whole = false;
};

MacAddress read_mac(Reader& reader) {
  MacAddress mac{};
  const ByteView octets = reader.take(mac.size());
  std::copy(octets.begin(), octets.end(), mac.begin());
  return mac;
}

Head read_head(ByteView frame) {
  Reader reader(frame);
  Head head{.to = read_mac(reader), .from = read_mac(reader)};
  head.ether_type = reader.be16();
  head.tagged = head.ether_type == kEtherVlan;
  if (head.tagged) {
    head.vlan = reader.be16() & kVlanIdMask;
    head.ether_type = reader.be16();
  }
  head.packet = frame.subspan(reader.position());
  head.whole = reader.ok();
  return head;
}

bool is_group(const MacAddress& mac) { return (mac[0] & std::byte{1}) != std::byte{0}; }

/// parse_frame stops at a MAC that is not ours. A frame to a group may still be the kernel's; this
/// is what parse_frame would have asked next.
std::optional<Drop> refuse_group_frame(const Head& head, const Acceptance& acceptance) {
  if (!is_group(head.to)) return Drop::NotOurMac;
  if (is_group(head.from) || head.from == acceptance.mac) return Drop::BadSource;
  if (!head.whole) return Drop::Runt;
  if (head.vlan != acceptance.vlan) return Drop::Vlan;
  return std::nullopt;
}

bool is_not_for_us(Drop reason) {
  switch (reason) {
    case Drop::EtherType:
    case Drop::IpOptions:
    case Drop::Fragment:
    case Drop::ExtensionHeader:
    case Drop::NotUdp:
    case Drop::NotBound:
      return true;
    default:
      return false;
  }
}

/// RFC 4861 §4: solicitations, advertisements and redirects. Whoever is not on the link cannot send
/// them: a router would have lowered the hop limit.
bool is_neighbour_discovery(uint8_t hop_limit, uint8_t icmp_type) {
  return hop_limit == 255 && icmp_type >= 133 && icmp_type <= 137;
}

rules::TokenBucket& ration_of(ExceptionRations& rations, const Head& head) {
  Reader reader(head.packet);
  switch (head.ether_type) {
    case kEtherArp:
      return rations.neighbours;
    case kEtherIpv4: {
      reader.skip(9);
      return reader.u8() == IPPROTO_TCP ? rations.tcp : rations.others;
    }
    case kEtherIpv6: {
      reader.skip(6);
      const uint8_t next = reader.u8();
      const uint8_t hop_limit = reader.u8();
      if (next == IPPROTO_TCP) return rations.tcp;
      reader.skip(32);  // Addresses
      const bool is_neighbours =
          next == IPPROTO_ICMPV6 && is_neighbour_discovery(hop_limit, reader.u8());
      return is_neighbours ? rations.neighbours : rations.others;
    }
    default:
      return rations.others;
  }
}

/// Fills an mbuf with what the kernel sends, tagged as the port wants it.
void write_frame(rte_mbuf* mbuf, ByteView frame, uint16_t vlan) {
  const size_t size = std::max(frame.size() + (vlan == 0 ? 0 : kTag), kShortest);
  ASSERT(size <= rte_pktmbuf_tailroom(mbuf) && frame.size() >= kMacs);
  Writer writer({rte_pktmbuf_mtod(mbuf, std::byte*), size});
  writer.bytes(frame.first(kMacs));
  if (vlan != 0) {
    writer.be16(kEtherVlan);
    writer.be16(vlan);
  }
  writer.bytes(frame.subspan(kMacs));
  writer.zeros(writer.room());
  rte_pktmbuf_data_len(mbuf) = static_cast<uint16_t>(size);
  rte_pktmbuf_pkt_len(mbuf) = static_cast<uint32_t>(size);
}

/// What the kernel has sent since the last turn, in mbufs. Returns how many it made.
unsigned take_from_kernel(PortQueue& queue, CoreCounters& counters,
                          std::array<rte_mbuf*, kFramesPerTurn>& mbufs) {
  unsigned made = 0;
  ExceptionFrame& frame = queue.to_kernel->incoming;
  for (unsigned taken = 0; taken < kFramesPerTurn; ++taken) {
    if (queue.from_kernel->pop({&frame, 1}) == 0) break;
    rte_mbuf* mbuf = rte_pktmbuf_alloc(queue.pool);
    if (mbuf == nullptr) {
      counters.unsent[Unsent::PoolEmpty].add();
      continue;
    }
    write_frame(mbuf, frame.bytes(), queue.acceptance.vlan);
    mbufs[made++] = mbuf;
  }
  return made;
}

}  // namespace

std::optional<Drop> hand_over(const PortQueue& queue, ByteView frame, Drop reason, base::Time now) {
  const Head head = read_head(frame);
  if (reason == Drop::NotOurMac) {
    if (const auto refused = refuse_group_frame(head, queue.acceptance)) return refused;
  } else if (!is_not_for_us(reason)) {
    return reason;
  }
  ToKernel& way = *queue.to_kernel;
  if (frame.size() > ExceptionFrame::kRoom) return Drop::Segmented;
  if (!ration_of(way.rations, head).take(now)) return Drop::ExceptionRateLimited;

  ExceptionFrame& made = way.outgoing;
  Writer writer(made.octets);
  writer.bytes(frame.first(kMacs));
  writer.bytes(frame.subspan(kMacs + (head.tagged ? kTag : 0)));
  made.port = queue.index;
  made.size = static_cast<uint16_t>(writer.size());
  if (!way.ring.push(made)) return Drop::ExceptionFull;
  way.to_wake = true;
  return std::nullopt;
}

unsigned serve_kernel(PortQueue& queue, CoreCounters& counters) {
  if (queue.to_kernel == nullptr) return 0;
  if (std::exchange(queue.to_kernel->to_wake, false)) queue.to_kernel->doorbell.ring();
  if (!queue.open || queue.from_kernel == nullptr || queue.from_kernel->empty()) return 0;
  std::array<rte_mbuf*, kFramesPerTurn> mbufs;
  const unsigned made = take_from_kernel(queue, counters, mbufs);
  const uint16_t sent =
      rte_eth_tx_burst(queue.port, queue.queue, mbufs.data(), static_cast<uint16_t>(made));
  counters.ports[queue.index].from_kernel.add(sent);
  if (sent < made) {
    counters.unsent[Unsent::TransmitFull].add(made - sent);
    rte_pktmbuf_free_bulk(&mbufs[sent], made - sent);
  }
  return made;
}

}  // namespace poll

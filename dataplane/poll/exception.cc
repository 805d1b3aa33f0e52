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

constexpr unsigned kFramesPerTurn = 32;

/// A frame's first octets, and what is behind them.
struct Head {
  base::EthernetHeader ethernet;
  ByteView packet;
  bool whole = false;
};

Head read_head(ByteView frame) {
  Reader reader(frame);
  Head head{.ethernet = base::read_ethernet(reader)};
  head.packet = frame.subspan(reader.position());
  head.whole = reader.ok();
  return head;
}

/// parse_frame stops at a MAC that is not ours. Of a frame to a group this is what it would have
/// asked next.
std::optional<Drop> refuse_group_frame(const Head& head, const Acceptance& acceptance) {
  const base::EthernetHeader& ethernet = head.ethernet;
  if (base::is_group(ethernet.from) || ethernet.from == acceptance.mac) return Drop::BadSource;
  if (!head.whole) return Drop::Runt;
  if (ethernet.tag.id() != acceptance.vlan) return Drop::Vlan;
  return std::nullopt;
}

/// RFC 4861 §4: solicitations, advertisements and redirects. A host that is not on the link cannot
/// send them: a router would have lowered the hop limit.
bool is_neighbour_discovery(uint8_t hop_limit, uint8_t icmp_type) {
  return hop_limit == 255 && icmp_type >= 133 && icmp_type <= 137;
}

rules::TokenBucket& ration_of(ExceptionRations& rations, const Head& head) {
  Reader reader(head.packet);
  switch (head.ethernet.type) {
    case base::EtherType::Arp:
      return rations.neighbours;
    case base::EtherType::Ipv4: {
      reader.skip(9);
      return reader.u8() == IPPROTO_TCP ? rations.tcp : rations.others;
    }
    case base::EtherType::Ipv6: {
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
  const size_t size =
      std::max(frame.size() + (vlan == 0 ? 0 : base::kVlanTag), base::kShortestFrame);
  ASSERT(size <= rte_pktmbuf_tailroom(mbuf) && frame.size() >= base::kMacAddresses);
  Writer writer({rte_pktmbuf_mtod(mbuf, std::byte*), size});
  writer.bytes(frame.first(base::kMacAddresses));
  if (vlan != 0) {
    writer.be16(static_cast<uint16_t>(base::EtherType::Vlan));
    writer.be16(vlan);
  }
  writer.bytes(frame.subspan(base::kMacAddresses));
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

std::optional<Drop> hand_over(const PortQueue& queue, ByteView frame, const NotTaken& not_taken,
                              base::Time now) {
  if (not_taken.owner == Owner::None) return not_taken.reason;
  const Head head = read_head(frame);
  if (not_taken.owner == Owner::Group) {
    if (const auto refused = refuse_group_frame(head, queue.acceptance)) return refused;
  }
  ToKernel& lane = *queue.to_kernel;
  if (frame.size() > ExceptionFrame::kRoom) return Drop::Segmented;
  if (!ration_of(lane.rations, head).take(now)) return Drop::ExceptionRateLimited;

  ExceptionFrame& made = lane.outgoing;
  Writer writer(made.octets);
  writer.bytes(frame.first(base::kMacAddresses));
  writer.bytes(
      frame.subspan(base::kMacAddresses + (head.ethernet.tag.present ? base::kVlanTag : 0)));
  made.port = queue.index;
  made.size = static_cast<uint16_t>(writer.size());
  if (!lane.ring.push(made)) return Drop::ExceptionFull;
  lane.to_wake = true;
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

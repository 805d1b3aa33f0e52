#include "dataplane/poll/port_edge.h"

#include "dataplane/base/assert.h"
#include "dataplane/poll/lcore_state.h"

namespace poll {
namespace {

/// From the frame's first octet to the end of its buffer.
ByteSpan room_of(rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, std::byte*), size_t{mbuf->buf_len} - mbuf->data_off};
}

}  // namespace

void PortEdge::reply(const Return& back, const dns::Asker& asker, const dns::Content& content,
                     rules::Outcome outcome, base::Time received) {
  rte_mbuf* mbuf = back.mbuf;
  const size_t headers = header_size(back.path);
  const ByteSpan room = room_of(mbuf);
  ASSERT(room.size() >= headers + dns::kMaxUdpSize);
  const dns::Reply composed =
      dns::compose_reply(room.subspan(headers, dns::kMaxUdpSize), asker, content);
  write_headers(room, back.path, composed.size);

  const size_t size = headers + composed.size;
  rte_pktmbuf_data_len(mbuf) = static_cast<uint16_t>(size);
  rte_pktmbuf_pkt_len(mbuf) = static_cast<uint32_t>(size);
  // What reception noted means nothing on the way out.
  mbuf->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
  const bool whole = composed.written == dns::Written::Whole;
  transmit(core_, core_.queues[back.queue], std::span(&mbuf, 1),
           whole ? outcome : rules::Outcome::Truncated, received);
}

std::optional<rules::Drop> PortEdge::recover(Return& back) {
  const PortQueue& queue = core_.queues[back.queue];
  if (!queue.open) return rules::Drop::TransmitFull;
  back.mbuf = rte_pktmbuf_alloc(queue.pool);
  if (back.mbuf == nullptr) return rules::Drop::PoolEmpty;
  return std::nullopt;
}

static_assert(handler::Edge<PortEdge>);

}  // namespace poll

template class handler::Handler<poll::PortEdge>;

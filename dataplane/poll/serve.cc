#include "dataplane/poll/serve.h"

#include <rte_prefetch.h>

#include "dataplane/base/assert.h"

namespace poll {
namespace {

ByteView bytes_of(const rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, const std::byte*), rte_pktmbuf_data_len(mbuf)};
}

void drop(LcoreState& self, rte_mbuf* mbuf, Drop reason) {
  self.counters.dropped[reason].add();
  rte_pktmbuf_free(mbuf);
}

/// A frame that is no query of ours.
void turn_away(LcoreState& self, const PortQueue& queue, rte_mbuf* mbuf,
               const NotTaken& not_taken) {
  if (queue.to_kernel == nullptr) return drop(self, mbuf, not_taken.reason);
  const auto dropped = hand_over(queue, bytes_of(mbuf), not_taken, self.now);
  if (dropped) return drop(self, mbuf, *dropped);
  rte_pktmbuf_free(mbuf);  // The kernel gets a copy.
}

/// Whether the frame is a query that is to be resolved; if not, it is done with.
bool admit(LcoreState& self, const PortQueue& queue, rte_mbuf* mbuf, Handler::Query& query) {
  if (mbuf->nb_segs != 1) return drop(self, mbuf, Drop::Segmented), false;
  const ByteView bytes = bytes_of(mbuf);
  const Result<Frame, NotTaken> frame = parse_frame(bytes, queue.acceptance);
  if (!frame) return turn_away(self, queue, mbuf, frame.error()), false;
  const rules::Bind* bind = self.policy->bind_at(frame->path.ours);
  if (bind == nullptr) return turn_away(self, queue, mbuf, {Drop::NotBound, Owner::Kernel}), false;
  query.back.mbuf = mbuf;
  query.back.queue = static_cast<uint8_t>(&queue - self.queues.data());
  query.back.path = frame->path;
  return self.handler.admit(query, bytes.subspan(frame->payload_at, frame->payload_size), *bind)
      .to_resolve;
}

}  // namespace

void serve(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames) {
  for (rte_mbuf* mbuf : frames) {
    rte_prefetch0(rte_pktmbuf_mtod(mbuf, std::byte*));
    rte_prefetch0(rte_pktmbuf_mtod(mbuf, std::byte*) + RTE_CACHE_LINE_SIZE);
  }
  std::array<rte_mbuf*, kReceiveBurst> others;
  const unsigned left = self.hit_path(self, queue, frames, others.data());
  if (left > 0) serve_slowly(self, queue, std::span(others).first(left));
}

void serve_slowly(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames) {
  ASSERT(frames.size() <= kReceiveBurst);
  size_t count = 0;
  for (rte_mbuf* mbuf : frames) count += admit(self, queue, mbuf, self.in_hand[count]) ? 1 : 0;
  const std::span<Handler::Query> to_resolve = std::span(self.in_hand).first(count);
  for (Handler::Query& query : to_resolve) self.handler.probe(query);
  for (Handler::Query& query : to_resolve) self.handler.resolve(query);
}

}  // namespace poll

// The edge of a poll core: queries come as frames on its ports, replies go as frames. A query that
// is replied to at once is turned into its reply in the same mbuf; one that waits gives its mbuf
// back, so that slow resolvers cannot drain the pool, and gets a fresh one for its reply.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

#include "dataplane/handler/edge.h"
#include "dataplane/handler/handler.h"
#include "dataplane/poll/frame.h"

namespace poll {

struct LcoreState;

class PortEdge {
 public:
  static constexpr bool kMayBeForged = true;  // UDP.
  static constexpr handler::Pace kPace{.fills = 64, .expiries = 64, .releases = 128};

  struct Return {
    rte_mbuf* mbuf;     // Owned; nothing while it is parked.
    uint8_t queue = 0;  // Index in LcoreState::queues.
    Path path;

    [[nodiscard]] const base::IpAddress& client() const { return path.client.address; }
  };

  explicit PortEdge(LcoreState& core) : core_(core) {}

  [[nodiscard]] static rules::Transport transport(const Return&) { return rules::Transport::Udp; }
  /// Composed in `back.mbuf`, in which the query may still lie, and handed to its queue's transmit.
  void reply(const Return& back, const dns::Asker& asker, const dns::Content& content,
             rules::Outcome outcome, base::Time received);
  void drop(const Return& back) { rte_pktmbuf_free(back.mbuf); }
  void park(const Return& back) { rte_pktmbuf_free(back.mbuf); }
  [[nodiscard]] std::optional<rules::Drop> recover(Return& back);

 private:
  LcoreState& core_;
};

using Handler = handler::Handler<PortEdge>;

}  // namespace poll

extern template class handler::Handler<poll::PortEdge>;

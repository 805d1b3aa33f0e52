// The edge of a worker's frontend: queries come over connections, replies go into the connection's
// carrier and leave with its next write. A parked query names its connection by handle, since that
// may be gone by the time of the answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/handler/edge.h"
#include "dataplane/handler/handler.h"
#include "tls-workers/frontend/connection_table.h"
#include "tls-workers/frontend/counters.h"

namespace frontend {

class StreamEdge {
 public:
  static constexpr bool kMayBeForged = false;  // A connection has been made from the address.
  static constexpr handler::Pace kPace{.fills = 256, .expiries = 256, .releases = 1024};

  struct Return {
    Handle connection;
    uint32_t stream = 0;
    rules::Transport transport{};
    base::IpAddress address;

    [[nodiscard]] const base::IpAddress& client() const { return address; }
  };

  /// What it borrows outlives it.
  StreamEdge(ConnectionTable& connections, Counters& counters);

  /// At the start of a turn. `idle`: how long connections are kept now, as clients are told.
  void begin(base::Duration idle, base::Time now);
  /// After the replies were sent: counts those that were made at once, and how long they took.
  void count_sent(base::Time sent);

  [[nodiscard]] static rules::Transport transport(const Return& back) { return back.transport; }
  void reply(const Return& back, const dns::Asker& asker, const dns::Content& content,
             rules::Outcome outcome, base::Time received);
  void drop(const Return& back);
  void park(const Return& back);
  [[nodiscard]] std::optional<rules::Drop> recover(const Return& back);

 private:
  [[nodiscard]] dns::Options options_for(const dns::Asker& asker, rules::Transport transport) const;

  ConnectionTable& connections_;
  Counters& counters_;
  base::Time now_{};
  uint16_t keepalive_ = 0;
  std::array<uint32_t, static_cast<size_t>(rules::Outcome::Count_)> replied_{};  // At once.
  std::vector<std::byte> message_;  // The reply in hand.
};

using Handler = handler::Handler<StreamEdge>;

/// Takes one query of `connection` through its life, or to where it is parked. `in_hand` is where
/// it is kept meanwhile. Ends the connection if its client may not ask, or sends too much that is
/// no query.
void take_query(Handler& handler, Handler::Query& in_hand, Connection& connection,
                const Request& request, const rules::Policy& policy);

/// Less than a poll core's, since connections are not read from while they have much under way.
inline constexpr handler::PendingLimits kPendingLimits{.questions = 16384, .askers = 32768};

}  // namespace frontend

extern template class handler::Handler<frontend::StreamEdge>;

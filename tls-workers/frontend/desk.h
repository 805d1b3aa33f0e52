// Where clients' queries are taken and answered: what policy says, what the cache has, and who
// waits for the rest. To the workers a desk is one more asker, as a poll core is; a question that
// clients of both ask goes to the resolver once.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/dns/query.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/handler/pending.h"
#include "dataplane/rules/cookies.h"
#include "tls-workers/frontend/counters.h"
#include "tls-workers/frontend/connection_table.h"
#include "tls-workers/frontend/rules.h"

namespace frontend {

/// What is kept of a query while it waits. Its connection may be gone by the time of the answer.
struct ParkedAsker {
  Handle connection;
  uint32_t stream = 0;
  rules::Transport transport{};
  base::IpAddress address;
  dns::Head head;
  dns::Edns edns;
  rules::ReplyCookie cookie;
  base::Time received;
  uint16_t question_size = 0;
  std::array<std::byte, dns::kMaxQuestion> question_octets;

  [[nodiscard]] const base::IpAddress& client() const { return address; }
  [[nodiscard]] dns::Asker asker() const {
    return {.head = head,
            .question = {question_octets.data(), question_size},
            .edns = edns,
            .options = {.cookie = cookie.bytes()}};
  }
};

class Desk {
 public:
  /// `index`: its number as an asker of `exchange`. What it borrows outlives it.
  Desk(unsigned index, exchange::Exchange& exchange, ConnectionTable& connections, Counters& counters);

  /// At the start of a turn. `idle`: how long connections are kept now.
  void begin(const Rules& rules, base::Duration idle, base::Time now);

  /// Answers the query into the connection's carrier, or parks it. False: the connection has sent
  /// too much that is none.
  [[nodiscard]] bool take(Connection& connection, const Request& request);

  /// Workers → whoever waits. `told(Connection&)` of each connection that has got a reply.
  template <typename Told>
  void answer_parked(Told told) {
    take_fills();
    pending_.settle_expired(now_, kExpiriesPerTurn);
    pending_.release(
        kReleasesPerTurn,
        [&](const ParkedAsker& parked, const Pending::Outcome& outcome) {
          Connection* connection = connections_.find(parked.connection);
          if (connection == nullptr) return counters_.dropped[rules::Drop::ClientGone].add();
          reply_to_parked(*connection, parked, outcome);
          told(*connection);
        },
        [](const Pending::Outcome& outcome) {
          if (outcome.entry != nullptr) outcome.entry->unpin();
        });
  }
  /// Whether there is something for `answer_parked`.
  [[nodiscard]] bool anything_waits() const;
  /// Whoever still waits is told that we stop; for the last turn.
  void give_up();
  /// After the replies were sent: wakes the workers that got a Miss, and says how long it took.
  void finish_turn(base::Time sent);

  [[nodiscard]] uint32_t parked() const { return pending_.parked(); }

 private:
  using Pending = handler::Pending<ParkedAsker>;
  static constexpr unsigned kFillsPerTurn = 256;
  static constexpr unsigned kReleasesPerTurn = 1024;
  static constexpr unsigned kExpiriesPerTurn = 256;

  void take_fills();
  void resolve(Connection& connection, const Request& request, const dns::Query& query,
               const rules::ReplyCookie& cookie);
  void ask(Connection& connection, const Request& request, const dns::Query& query,
           const rules::Destination& to, const dns::Question& question,
           const rules::ReplyCookie& cookie);
  void park(Connection& connection, const Request& request, const dns::Query& query,
            const rules::Destination& to, const dns::Question& question,
            const rules::ReplyCookie& cookie);
  void prefetch(const cache::Entry& entry, const dns::Question& question);
  [[nodiscard]] bool send_miss(const dns::Question& question, const base::IpAddress& client,
                               exchange::Ticket ticket);
  void reply_to_parked(Connection& connection, const ParkedAsker& parked,
                       const Pending::Outcome& outcome);
  /// What is left to say; returns what it was in the end.
  rules::Outcome write(Connection& connection, uint32_t stream, dns::Asker asker,
                       const dns::Content& content, rules::Outcome outcome);
  void reply(Connection& connection, uint32_t stream, const dns::Asker& asker,
             const dns::Content& content, rules::Outcome outcome);
  void add_options(dns::Asker& asker, rules::Transport transport) const;

  const unsigned index_;
  exchange::Exchange& exchange_;
  ConnectionTable& connections_;
  Counters& counters_;
  Pending pending_;
  const Rules* rules_ = nullptr;
  base::Time now_{};
  uint16_t keepalive_ = 0;
  uint64_t workers_to_wake_ = 0;  // Bit per worker that got a Miss in this turn.
  std::array<uint32_t, static_cast<size_t>(rules::Outcome::Count_)> replied_{};  // At once.
  std::vector<std::byte> message_;  // The reply in hand.
};

}  // namespace frontend

// The clients of one worker that speak over streams: TCP, DNS over TLS and over HTTPS. It runs
// inside the worker's turns, on the worker's thread: hears what clients send, answers what is in
// the cache or has come from resolvers, and writes once to each connection that got anything.
//
// It has an epoll of its own, which the worker's waits for, so that neither knows the other's
// sockets.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "dataplane/base/epoll.h"
#include "dataplane/cache/reclaim.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/frontend/connection_table.h"
#include "tls-workers/frontend/listener.h"
#include "tls-workers/frontend/rules.h"
#include "tls-workers/frontend/stream_edge.h"

namespace frontend {

/// Makes what `place` speaks.
[[nodiscard]] std::unique_ptr<Carrier> make_carrier(const Place& place);

class Frontend {
 public:
  /// What it shares with others, all of which outlives it. `rules` are published by then; their
  /// binds are where `listeners` listen.
  struct Sharing {
    exchange::Exchange& exchange;
    cache::Readers& readers;
    ClientConnections& clients;
    const PublishedRules& rules;
  };

  /// `worker`: whose it is. Throws std::runtime_error if epoll cannot be had.
  Frontend(unsigned worker, const Sharing& sharing, std::vector<Listener> listeners);
  Frontend(const Frontend&) = delete;
  Frontend& operator=(const Frontend&) = delete;

  [[nodiscard]] const Counters& counters() const { return counters_; }  // Any thread.
  [[nodiscard]] int fd() const { return epoll_.fd(); }  // Readable: there is something to hear.

  // The worker's thread, in every turn and in this order.

  /// `fd` is readable: `hear` has something to look at.
  void readable() { is_readable_ = true; }
  /// Clients → hits into their connections, misses to workers.
  void hear(base::Time now);
  /// Workers → waiting clients; then all that was said is sent, and clients whose time is up go.
  void answer(base::Time now);
  /// Whether the next turn has something to do at once.
  [[nodiscard]] bool anything_waits() const {
    return !resumed_.empty() || handler_.anything_waits();
  }
  /// When it has something to do though no client sends anything.
  [[nodiscard]] base::Time next_deadline(base::Time now) const;

  // The worker's thread, around all turns, and around every wait.

  void start() { sharing_.readers.join(index_); }
  void about_to_wait() { sharing_.readers.offline(index_); }
  void waited() { sharing_.readers.online(index_); }
  /// Tells waiting clients that we stop, and closes everything.
  void stop(base::Time now);

 private:
  void begin_turn();
  void answer_parked();
  void end_turn();

  [[nodiscard]] uint32_t most_connections() const;
  [[nodiscard]] base::Duration idle_time() const;

  void accept_from_listener(size_t index);
  void admit(const Accepted& accepted, size_t index);
  [[nodiscard]] bool make_room();
  void spare_descriptors();
  void stop_accepting();
  void start_accepting();

  void hear_connection(Connection& connection, uint32_t events);
  void shake_hands(Connection& connection);
  void take_queries(Connection& connection);
  void take_whole_queries(Connection& connection);
  [[nodiscard]] bool read_more(Connection& connection);
  void settle(Connection& connection);
  void set_interest(Connection& connection);
  void look_at_clocks();
  void close_all(Closed why);

  const unsigned index_;  // As an asker and a reader.
  const Sharing sharing_;
  const unsigned workers_;
  std::vector<Listener> listeners_;
  base::Epoll epoll_;
  Counters counters_;
  ConnectionTable connections_;
  StreamEdge edge_;
  Handler handler_;
  Handler::Query in_hand_;
  const Rules* rules_;
  base::Time now_{};
  bool is_readable_ = false;
  base::Time look_at_{};  // When clocks are looked at next.
  std::optional<base::Time> accept_again_at_;
  uint32_t descriptors_allow_ = UINT32_MAX;  // Connections; learnt when there were no more.
  std::vector<Handle> resumed_;              // Not read from for a while, and may be now.
  std::vector<Handle> resuming_;
  static constexpr size_t kEventsPerTurn = 128;
  std::array<epoll_event, kEventsPerTurn> events_{};
};

}  // namespace frontend

// One client's connection: its channel, its carrier, what it has used of its limits, and since when
// it has owed us something. It decides nothing by itself but how far it is to be read from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/base/address.h"
#include "dataplane/base/clock.h"
#include "dataplane/rules/transport.h"
#include "tls-workers/frontend/channel.h"
#include "tls-workers/frontend/counters.h"
#include "tls-workers/frontend/limits.h"

namespace frontend {

/// Names one connection, and nothing once that has been closed.
struct Handle {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

/// Where a connection comes from.
struct Origin {
  rules::Transport transport{};
  uint16_t bind = 0;  // Index in the rules' binds.
  base::IpAddress client;
};

class Connection {
 public:
  enum class Phase : uint8_t {
    Closed,
    Handshake,
    Open,
    Lingering,  // We are done; the client is still reading.
  };

  explicit Connection(uint32_t slot) : handle_{slot, 0} {}

  /// Takes the socket. `tls`: nullptr for none.
  void open(int fd, const Origin& origin, std::shared_ptr<const server_tls::ServerContext> tls,
            std::unique_ptr<Carrier> carrier, base::Time now);
  void close();

  [[nodiscard]] Handle handle() const { return handle_; }
  [[nodiscard]] const Origin& origin() const { return origin_; }
  [[nodiscard]] Channel& channel() { return channel_; }
  [[nodiscard]] Carrier& carrier() { return *carrier_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  void shaken() { phase_ = Phase::Open; }

  // Queries.

  /// Whether the next query may be taken now.
  [[nodiscard]] bool may_take(const Limits& limits) const {
    return !ending_ && in_flight_ < limits.max_in_flight_queries && carrier_->held() < kMaxHeld;
  }
  void took_query() {
    ++queries_;
    has_asked = true;
  }
  [[nodiscard]] uint64_t queries() const { return queries_; }
  void parked() { ++in_flight_; }
  void released() { --in_flight_; }
  /// One more message that is no query. False: too many.
  [[nodiscard]] bool bears_garbage() { return ++garbage_ < kMaxGarbage; }

  // Its end.

  /// No further query is taken; it is closed for `why` when everything is answered and sent.
  void end(Closed why) {
    if (ending_) return;
    ending_ = why;
    carrier_->finish();
  }
  [[nodiscard]] std::optional<Closed> ending() const { return ending_; }
  /// Whether there is any use in reading from it.
  [[nodiscard]] bool is_listened_to() const {
    return !has_said_all && ((!ending_ && !is_paused) || carrier_->reads_on());
  }
  /// Octets for the client that are still here.
  [[nodiscard]] size_t owed() const { return carrier_->held() + channel_.unsent(); }
  [[nodiscard]] bool owes_nothing() const { return in_flight_ == 0 && owed() == 0; }
  void linger(base::Time now);

  // Time.

  /// Writes what there is, and notes whether the client takes any of it. False: it is gone.
  [[nodiscard]] bool send(base::Time now);
  /// The client has not taken all of it.
  [[nodiscard]] bool is_stuck() const { return stuck_since_.has_value(); }
  /// After queries were taken: since when part of one has been here. Some: a whole one was
  /// taken, so that the part is of another.
  enum class Taken : uint8_t { None, Some };
  void note_part(Taken taken, base::Time now);
  /// For which limit its time is up.
  [[nodiscard]] std::optional<Closed> overdue(const Limits& limits, base::Time now) const;
  [[nodiscard]] bool has_lasted(const Limits& limits, base::Time now) const {
    return limits.max_connection_duration.count() > 0 &&
           now - opened_ >= limits.max_connection_duration;
  }

  // What the frontend remembers of it.

  bool is_paused = false;          // Its queries are not taken, though there may be some.
  bool has_said_all = false;       // Nothing more will be read.
  bool is_touched = false;         // In this turn, so that it is looked at once more at the end.
  uint32_t interest = 0;           // What epoll waits for.
  uint32_t before = 0, after = 0;  // Neighbours in the order of quiet ones.
  bool is_quiet = false;           // In that order ...
  base::Time quiet_since{};        // ... since then.
  bool has_asked = false;          // Since it was sorted in there.

 private:
  Handle handle_;
  Phase phase_ = Phase::Closed;
  Origin origin_;
  Channel channel_;
  std::unique_ptr<Carrier> carrier_;
  uint32_t in_flight_ = 0;
  uint32_t garbage_ = 0;
  uint64_t queries_ = 0;
  std::optional<Closed> ending_;
  base::Time opened_{};
  std::optional<base::Time> part_since_;   // A part of a query has been here.
  std::optional<base::Time> stuck_since_;  // The client has taken nothing.
  base::Time lingers_since_{};
};

}  // namespace frontend

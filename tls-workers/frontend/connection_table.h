// The connections of one worker: which are open, which may open, and which has asked nothing for
// the longest time. When no more fit, that one gives way; one that we owe something never does.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tls-workers/frontend/client_connections.h"
#include "tls-workers/frontend/connection.h"
#include "tls-workers/frontend/counters.h"

namespace frontend {

class ConnectionTable {
 public:
  /// What it borrows outlives it.
  ConnectionTable(ClientConnections& clients, Counters& counters)
      : clients_(clients), counters_(counters) {}

  /// A place for one more, closed as yet; the caller opens it and calls `came`.
  [[nodiscard]] Connection& vacancy();
  void came(Connection& connection, base::Time now);
  /// Closes it, and counts why.
  void remove(Connection& connection, Closed why);
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(present_.size()); }
  [[nodiscard]] ClientConnections& clients() { return clients_; }

  /// nullptr if it has been closed.
  [[nodiscard]] Connection* find(Handle handle);
  /// Notes that something has happened to it in this turn, so that it is looked at once at the end.
  void touch(Connection& connection);
  /// `each(Connection&)` of those touched since the last call and still here.
  template <typename Each>
  void for_each_touched(Each each) {
    for (size_t i = 0; i < touched_.size(); ++i) {
      Connection* connection = find(touched_[i]);
      if (connection == nullptr) continue;
      connection->is_touched = false;
      each(*connection);
    }
    touched_.clear();
  }
  /// By its place among those present, 0 to `size()` - 1. Removing one moves the last to its place.
  [[nodiscard]] Connection& at(uint32_t place) { return *slots_[present_[place]].connection; }

  /// Sorts `connection` in after something has happened to it: one that owes us the next word is
  /// quiet.
  void sort_in(Connection& connection, bool is_quiet, base::Time now);
  /// The one that has been quiet for the longest time; nullptr: none is.
  [[nodiscard]] Connection* quietest();

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slot {
    std::unique_ptr<Connection> connection;
    uint32_t place = kNone;  // In `present_`.
  };
  void append(Connection& connection, base::Time now);
  void take_out(Connection& connection);

  ClientConnections& clients_;
  Counters& counters_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> present_;
  std::vector<Handle> touched_;
  uint32_t first_ = kNone, last_ = kNone;  // Of the quiet ones, by since when.
};

}  // namespace frontend

#include "tls-workers/frontend/connection_table.h"

#include <utility>

#include "dataplane/base/assert.h"

namespace frontend {

Connection& ConnectionTable::vacancy() {
  if (free_.empty()) {
    const auto slot = static_cast<uint32_t>(slots_.size());
    slots_.push_back({.connection = std::make_unique<Connection>(slot)});
    free_.push_back(slot);
  }
  return *slots_[free_.back()].connection;
}

void ConnectionTable::came(Connection& connection, base::Time now) {
  const uint32_t slot = connection.handle().slot;
  ASSERT(!free_.empty() && free_.back() == slot);
  free_.pop_back();
  slots_[slot].place = size();
  present_.push_back(slot);
  append(connection, now);
  counters_.accepted[connection.origin().transport].add();
  counters_.open[connection.origin().transport].add();
}

void ConnectionTable::remove(Connection& connection, Closed why) {
  take_out(connection);
  clients_.leave(connection.origin().client);
  counters_.closed[why].add();
  counters_.open[connection.origin().transport].subtract();
  Slot& slot = slots_[connection.handle().slot];
  present_[slot.place] = present_.back();
  slots_[present_.back()].place = slot.place;
  present_.pop_back();
  slot.place = kNone;
  free_.push_back(connection.handle().slot);
  connection.close();
}

Connection* ConnectionTable::find(Handle handle) {
  if (handle.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[handle.slot];
  const bool is_it =
      slot.place != kNone && slot.connection->handle().generation == handle.generation;
  return is_it ? slot.connection.get() : nullptr;
}

void ConnectionTable::touch(Connection& connection) {
  if (connection.is_touched) return;
  connection.is_touched = true;
  touched_.push_back(connection.handle());
}

void ConnectionTable::sort_in(Connection& connection, bool is_quiet, base::Time now) {
  const bool has_asked = std::exchange(connection.has_asked, false);
  if (connection.is_quiet && (!is_quiet || has_asked)) take_out(connection);
  if (is_quiet && !connection.is_quiet) append(connection, now);
}

Connection* ConnectionTable::quietest() {
  return first_ == kNone ? nullptr : slots_[first_].connection.get();
}

void ConnectionTable::append(Connection& connection, base::Time now) {
  const uint32_t slot = connection.handle().slot;
  connection.is_quiet = true;
  connection.quiet_since = now;
  connection.before = last_;
  connection.after = kNone;
  (last_ == kNone ? first_ : slots_[last_].connection->after) = slot;
  last_ = slot;
}

void ConnectionTable::take_out(Connection& connection) {
  if (!connection.is_quiet) return;
  connection.is_quiet = false;
  (connection.before == kNone ? first_ : slots_[connection.before].connection->after) =
      connection.after;
  (connection.after == kNone ? last_ : slots_[connection.after].connection->before) =
      connection.before;
}

}  // namespace frontend

#include "tls-workers/frontend/frontend.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tls-workers/frontend/doh_carrier.h"
#include "tls-workers/frontend/frame_carrier.h"

namespace frontend {
namespace {

/// Of one listener in one turn; the kernel keeps the others.
constexpr int kAcceptsPerTurn = 32;
/// Of one connection in one turn; then it is the others'.
constexpr int kReadsPerTurn = 4;
/// How exactly limits of time are kept.
constexpr base::Duration kLookInterval = base::milliseconds{250};
/// How long nothing is accepted after descriptors were out, and how many are then set free, for
/// sessions to resolvers.
constexpr base::Duration kAcceptPause = base::milliseconds{100};
constexpr uint32_t kSpareDescriptors = 16;

/// In an event: whose it is. A listener's has a slot that no connection has.
constexpr uint32_t kListeners = 0xFFFF0000;

uint64_t token_of(Handle handle) { return uint64_t{handle.generation} << 32 | handle.slot; }
Handle handle_of(uint64_t token) {
  return {static_cast<uint32_t>(token), static_cast<uint32_t>(token >> 32)};
}

base::Epoll open_epoll() {
  base::Result<base::Epoll, std::error_code> epoll = base::Epoll::open();
  if (!epoll) throw std::runtime_error("epoll: " + epoll.error().message());
  return std::move(*epoll);
}

/// Of one listener's events.
epoll_data_t of_listener(size_t index) { return {.u64 = kListeners | index}; }
epoll_data_t of_connection(Handle handle) { return {.u64 = token_of(handle)}; }

bool is_quiet(const Connection& connection) {
  return connection.phase() != Connection::Phase::Open || connection.owes_nothing();
}

}  // namespace

std::unique_ptr<Carrier> make_carrier(const Place& place) {
  if (place.transport == rules::Transport::Doh) return std::make_unique<DohCarrier>(place.paths);
  return std::make_unique<FrameCarrier>();
}

Frontend::Frontend(unsigned worker, const Sharing& sharing, std::vector<Listener> listeners)
    : index_(sharing.exchange.cores() + worker),
      sharing_(sharing),
      workers_(sharing.exchange.workers()),
      listeners_(std::move(listeners)),
      epoll_(open_epoll()),
      connections_(sharing.clients, counters_),
      edge_(connections_, counters_),
      handler_(edge_, {.index = index_, .exchange = sharing.exchange, .counters = counters_},
               kPendingLimits),
      rules_(sharing.rules.load(std::memory_order_acquire)) {
  for (size_t i = 0; i < listeners_.size(); ++i)
    (void)epoll_.add(listeners_[i].fd(), EPOLLIN, of_listener(i));
}

// ---------------------------------------------------------------- a turn

void Frontend::hear(base::Time now) {
  now_ = now;
  const Rules* rules = sharing_.rules.load(std::memory_order_acquire);
  if (rules != rules_) descriptors_allow_ = UINT32_MAX;
  rules_ = rules;
  begin_turn();
  if (accept_again_at_ && *accept_again_at_ <= now) start_accepting();
  resuming_.swap(resumed_);
  for (const Handle handle : resuming_) {
    if (Connection* connection = connections_.find(handle)) take_queries(*connection);
  }
  resuming_.clear();
  if (!std::exchange(is_readable_, false)) return;
  for (const epoll_event& event : epoll_.wait(events_, base::milliseconds{0})) {
    const Handle handle = handle_of(event.data.u64);
    if (handle.slot >= kListeners) {
      accept_from_listener(handle.slot - kListeners);
    } else if (Connection* connection = connections_.find(handle)) {
      hear_connection(*connection, event.events);
    }
  }
}

void Frontend::answer(base::Time now) {
  answer_parked();
  connections_.for_each_touched([this](Connection& connection) { settle(connection); });
  if (look_at_ <= now) look_at_clocks();
  end_turn();
  sharing_.readers.quiescent(index_);  // No entry is held across turns but pinned ones.
}

base::Time Frontend::next_deadline(base::Time now) const {
  if (connections_.size() > 0) return std::max(now, look_at_);
  return accept_again_at_.value_or(base::Time::max());
}

void Frontend::stop(base::Time now) {
  now_ = now;
  rules_ = sharing_.rules.load(std::memory_order_acquire);
  begin_turn();
  const auto answer_all = [this] {
    while (handler_.anything_waits()) answer_parked();
  };
  answer_all();
  handler_.expire_all();
  answer_all();
  connections_.for_each_touched([now](Connection& connection) { (void)connection.send(now); });
  close_all(Closed::Stopped);
  end_turn();
  sharing_.readers.leave(index_);
}

void Frontend::begin_turn() {
  edge_.begin(idle_time(), now_);
  handler_.begin(rules_->policy, now_);
}

void Frontend::answer_parked() {
  handler_.take_fills();
  handler_.expire();
  handler_.release();
}

void Frontend::end_turn() {
  edge_.count_sent(base::Clock::now());
  handler_.wake_workers();
  counters_.parked.set(handler_.parked());
}

// ---------------------------------------------------------------- coming and going

uint32_t Frontend::most_connections() const {
  const uint32_t share = (rules_->limits.max_concurrent_connections + workers_ - 1) / workers_;
  return std::min(share, descriptors_allow_);
}

/// Where room is short, a client that asks nothing has less time: the less, the shorter it is.
base::Duration Frontend::idle_time() const {
  const Limits& limits = rules_->limits;
  const uint64_t most = most_connections();
  const uint64_t ample = most * limits.connections_overload_threshold / 100;
  const base::Duration usual = limits.idle_timeout;
  if (connections_.size() <= ample) return usual;
  const uint64_t left = most > connections_.size() ? most - connections_.size() : 0;
  return std::max<base::Duration>(usual * left / (most - ample), kLeastIdle);
}

void Frontend::accept_from_listener(size_t index) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const base::Result<Accepted, int> accepted = accept_from(listeners_[index]);
    if (accepted) {
      admit(*accepted, index);
      continue;
    }
    const int error = accepted.error();
    if (error == EAGAIN || error == EWOULDBLOCK) return;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
      counters_.refused[Refused::Descriptors].add();
      spare_descriptors();
      return stop_accepting();
    }
    // The connection that was first in line is gone; others may be there.
  }
}

/// A client that may not ask gets REFUSED over TCP, and over TLS nothing: a handshake costs us a
/// thousand times what the answer does.
void Frontend::admit(const Accepted& accepted, size_t index) {
  const Place& place = rules_->places[index];
  const auto refuse = [&](Refused why) {
    counters_.refused[why].add();
    ::close(accepted.fd);
  };
  if (place.is_off) return refuse(Refused::BindOff);
  if (place.tls != nullptr && !rules_->policy.acl.contains(accepted.client))
    return refuse(Refused::Acl);
  if (!connections_.clients().enter(accepted.client, rules_->limits.max_connections_per_client))
    return refuse(Refused::ClientFull);
  if (connections_.size() >= most_connections() && !make_room()) {
    connections_.clients().leave(accepted.client);
    return refuse(Refused::Full);
  }
  Connection& connection = connections_.vacancy();
  connection.open(accepted.fd, {place.transport, static_cast<uint16_t>(index), accepted.client},
                  place.tls, make_carrier(place), now_);
  connections_.came(connection, now_);
  connection.interest = EPOLLIN;
  (void)epoll_.add(accepted.fd, connection.interest, of_connection(connection.handle()));
}

/// The client that has asked nothing for the longest time gives way.
bool Frontend::make_room() {
  Connection* quietest = connections_.quietest();
  if (quietest == nullptr) return false;
  connections_.remove(*quietest, Closed::GaveWay);
  return true;
}

/// Whatever `max_concurrent_connections` says, there are no descriptors for more than this. It
/// holds until the next reload.
void Frontend::spare_descriptors() {
  descriptors_allow_ = std::max(connections_.size(), kSpareDescriptors + 1) - kSpareDescriptors;
  while (connections_.size() > descriptors_allow_ && make_room()) {
  }
}

void Frontend::stop_accepting() {
  accept_again_at_ = now_ + kAcceptPause;
  for (size_t i = 0; i < listeners_.size(); ++i)
    (void)epoll_.modify(listeners_[i].fd(), 0, of_listener(i));
}

void Frontend::start_accepting() {
  accept_again_at_.reset();
  for (size_t i = 0; i < listeners_.size(); ++i)
    (void)epoll_.modify(listeners_[i].fd(), EPOLLIN, of_listener(i));
}

// ---------------------------------------------------------------- a connection

void Frontend::hear_connection(Connection& connection, uint32_t events) {
  // Both ways are closed: an answer could not be read.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0)
    return connections_.remove(connection, connection.ending().value_or(Closed::Reset));
  switch (connection.phase()) {
    case Connection::Phase::Handshake:
      return shake_hands(connection);
    case Connection::Phase::Lingering:
      if (connection.channel().has_ended())
        connections_.remove(connection, connection.ending().value_or(Closed::ByClient));
      return;
    case Connection::Phase::Open:
      break;
    case Connection::Phase::Closed:
      return;
  }
  connections_.touch(connection);  // It may be that only its socket has room again.
  if ((events & EPOLLIN) == 0) return;
  connection.channel().readable();
  take_queries(connection);
}

void Frontend::shake_hands(Connection& connection) {
  switch (connection.channel().shake_hands()) {
    case Channel::Shaken::Wait:
      return;
    case Channel::Shaken::Failed:
      return connections_.remove(connection, Closed::HandshakeFailed);
    case Channel::Shaken::Http1:
      return connections_.remove(connection, Closed::Http1InHello);
    case Channel::Shaken::Full:
      counters_.handshakes_full.add();
      break;
    case Channel::Shaken::Resumed:
      counters_.handshakes_resumed.add();
      break;
  }
  connection.shaken();
  // Its first query often comes with the last of the handshake.
  take_queries(connection);
}

/// Takes what is there, reads, and takes again, until there is nothing, or enough.
void Frontend::take_queries(Connection& connection) {
  connections_.touch(connection);
  const uint64_t before = connection.queries();
  int reads = 0;
  for (;; ++reads) {
    take_whole_queries(connection);
    connection.is_paused = !connection.ending() && !connection.may_take(rules_->limits);
    if (!connection.is_listened_to() || reads == kReadsPerTurn) break;
    if (!read_more(connection)) break;
  }
  if (connection.phase() == Connection::Phase::Closed) return;
  // There may be more, even in TLS's buffers, where no epoll sees it.
  if (reads == kReadsPerTurn) resumed_.push_back(connection.handle());
  const auto taken =
      connection.queries() > before ? Connection::Taken::Some : Connection::Taken::None;
  connection.note_part(taken, now_);
  if (connection.is_paused) counters_.paused.add();
}

void Frontend::take_whole_queries(Connection& connection) {
  const uint32_t most = rules_->limits.max_queries_per_connection;
  while (connection.may_take(rules_->limits)) {
    const std::optional<Request> request = connection.carrier().next();
    if (!request) break;
    connection.took_query();
    take_query(handler_, in_hand_, connection, *request, rules_->policy);
    if (most > 0 && connection.queries() >= most) connection.end(Closed::QueryLimit);
  }
  switch (connection.carrier().standing()) {
    case Standing::Open:
      break;
    case Standing::Finished:
      connection.end(Closed::ByClient);
      break;
    case Standing::Malformed:
      connection.end(Closed::Malformed);
      break;
    case Standing::Abusive:
      connection.end(Closed::Abusive);
      break;
    case Standing::Http1:
      connection.end(Closed::Http1);
      break;
  }
}

/// False: nothing more came for now, or ever.
bool Frontend::read_more(Connection& connection) {
  const Channel::Read read = connection.channel().read(connection.carrier().room());
  switch (read.got) {
    case Channel::Got::Some:
      connection.carrier().filled(read.size);
      return true;
    case Channel::Got::Nothing:
      return false;
    case Channel::Got::End:
      connection.has_said_all = true;
      connection.end(Closed::ByClient);  // It may still read what it has asked for.
      return false;
    case Channel::Got::Lost:
      break;
  }
  connections_.remove(connection, Closed::Reset);
  return false;
}

/// What a turn has come to for one connection: its replies leave, and it goes on, waits or ends.
void Frontend::settle(Connection& connection) {
  if (!connection.send(now_)) return connections_.remove(connection, Closed::Reset);
  if (connection.ending() && connection.phase() == Connection::Phase::Open) {
    const Closed why = *connection.ending();
    if (why == Closed::Abusive || (why == Closed::ByClient && connection.owes_nothing()))
      return connections_.remove(connection, why);
    if (connection.owes_nothing()) connection.linger(now_);
  }
  if (connection.is_paused && connection.may_take(rules_->limits)) {
    connection.is_paused = false;
    resumed_.push_back(connection.handle());
  }
  connections_.sort_in(connection, is_quiet(connection), now_);
  set_interest(connection);
}

void Frontend::set_interest(Connection& connection) {
  const bool lingers = connection.phase() == Connection::Phase::Lingering;
  const bool reads = lingers || connection.is_listened_to();
  const bool writes = connection.phase() == Connection::Phase::Open && connection.is_stuck();
  const uint32_t wanted = (reads ? uint32_t{EPOLLIN} : 0) | (writes ? uint32_t{EPOLLOUT} : 0);
  if (wanted == connection.interest) return;
  connection.interest = wanted;
  (void)epoll_.modify(connection.channel().fd(), wanted, of_connection(connection.handle()));
}

// ---------------------------------------------------------------- time

void Frontend::look_at_clocks() {
  look_at_ = now_ + kLookInterval;
  const Limits& limits = rules_->limits;
  // Each that goes makes room, and gives the others more time.
  for (Connection* connection = connections_.quietest();
       connection != nullptr && connection->quiet_since + idle_time() <= now_;
       connection = connections_.quietest()) {
    connections_.remove(*connection, Closed::Idle);
  }
  for (uint32_t place = connections_.size(); place-- > 0;) {
    Connection& connection = connections_.at(place);
    if (const std::optional<Closed> why = connection.overdue(limits, now_)) {
      connections_.remove(connection, *why);
    } else if (connection.phase() == Connection::Phase::Open && !connection.ending() &&
               connection.has_lasted(limits, now_)) {
      connection.end(Closed::Duration);
      settle(connection);
    }
  }
}

void Frontend::close_all(Closed why) {
  while (connections_.size() > 0)
    connections_.remove(connections_.at(connections_.size() - 1), why);
}

}  // namespace frontend

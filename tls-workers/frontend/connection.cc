#include "tls-workers/frontend/connection.h"

#include <utility>

namespace frontend {

void Connection::open(int fd, const Origin& origin,
                      std::shared_ptr<const server_tls::ServerContext> tls,
                      std::unique_ptr<Carrier> carrier, base::Time now) {
  phase_ = tls != nullptr ? Phase::Handshake : Phase::Open;
  channel_.open(fd, std::move(tls));
  carrier_ = std::move(carrier);
  origin_ = origin;
  opened_ = now;
}

void Connection::close() {
  channel_.close();
  carrier_.reset();
  phase_ = Phase::Closed;
  ++handle_.generation;  // Answers still on the way to it find no connection.
  in_flight_ = garbage_ = 0;
  queries_ = 0;
  ending_.reset();
  part_since_.reset();
  stuck_since_.reset();
  is_paused = has_said_all = is_touched = has_asked = false;
  interest = 0;
}

void Connection::linger(base::Time now) {
  channel_.finish();
  phase_ = Phase::Lingering;
  lingers_since_ = now;
}

bool Connection::send(base::Time now) {
  const size_t owed_before = owed();
  const Channel::Sent sent = channel_.send(*carrier_);
  if (sent == Channel::Sent::Lost) return false;
  const size_t owed_now = owed();
  if (owed_now == 0) {
    stuck_since_.reset();
  } else if (owed_now < owed_before || !stuck_since_) {
    stuck_since_ = now;
  }
  return true;
}

void Connection::note_part(Taken taken, base::Time now) {
  // A client that is not read from cannot be late.
  const bool waits_for_rest = !is_paused && !ending_ && carrier_->is_amid_query();
  if (!waits_for_rest) {
    part_since_.reset();
  } else if (taken == Taken::Some || !part_since_) {
    part_since_ = now;
    has_asked = true;  // As good as: its own clock runs from now on.
  }
}

std::optional<Closed> Connection::overdue(const Limits& limits, base::Time now) const {
  const auto is_over = [now](std::optional<base::Time> since, base::Duration limit) {
    return since && now - *since >= limit;
  };
  switch (phase_) {
    case Phase::Handshake:
      if (now - opened_ >= limits.receive_timeout) return Closed::HandshakeTimeout;
      break;
    case Phase::Open:
      if (is_over(part_since_, limits.receive_timeout)) return Closed::ReceiveTimeout;
      if (is_over(stuck_since_, limits.send_timeout)) return Closed::SendTimeout;
      break;
    case Phase::Lingering:
      if (now - lingers_since_ >= kLinger) return ending_.value_or(Closed::ByClient);
      break;
    case Phase::Closed:
      break;
  }
  return std::nullopt;
}

}  // namespace frontend

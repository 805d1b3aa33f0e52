#include "tls-workers/upstream/sessions.h"

#include <algorithm>

namespace tls {
namespace {

/// A session that ends this soon without an answer is one that the server does not want.
constexpr base::seconds kShortLife{1};

/// Weight of one sample in the smoothed latency.
constexpr int kLatencyWeight = 8;

}  // namespace

Sessions::Sessions(const Shape& shape, const BackendSettings& settings, Tickets& tickets)
    : settings_(settings),
      per_backend_(shape.per_backend),
      context_(settings, tickets),
      backoff_(shape.seed),
      idle_timeout_(settings.idle_timeout) {
  // As many again to take over from worn ones, and two that still drain.
  const unsigned slots = per_backend_ * 2 + 2;
  for (unsigned i = 0; i < slots; ++i) {
    sessions_.emplace_back(shape.backend, settings_, context_, counters_, shape.epoll);
  }
}

Candidate Sessions::candidate(base::Time now) {
  const Census census = count();
  Candidate candidate{.backend = sessions_.front().backend(),
                      .outstanding = static_cast<uint32_t>(counters_.in_flight.read()),
                      .order = settings_.order,
                      .latency = latency_,
                      .retry_at = backoff_.until(),
                      .opening = census.opening > 0};
  if (session_with_room() != nullptr) {
    candidate.standing = on_trial_ ? Standing::OnTrial : Standing::Ready;
  } else if (census.ready + census.worn > 0) {
    candidate.standing = Standing::Full;
  } else if (census.opening == 0 && backoff_.pausing(now)) {
    candidate.standing = Standing::Down;
  } else {
    candidate.standing = reconnect_ ? Standing::Failing : Standing::Closed;
  }
  return candidate;
}

Session* Sessions::session_with_room() {
  Session* best = nullptr;
  for (Session& session : sessions_) {
    if (!session.has_room()) continue;
    if (best == nullptr || session.waiting() < best->waiting() ||
        (session.waiting() == best->waiting() && session.last_asked() < best->last_asked())) {
      best = &session;
    }
  }
  return best;
}

void Sessions::asked(base::Time now) {
  second_last_asked_ = last_asked_;
  last_asked_ = now;
}

void Sessions::tend(base::Time now) {
  if (!started_)
    last_asked_ = second_last_asked_ = now;  // Sessions are there before the first client is.
  started_ = true;
  close_finished(now);
  open_missing(now);
  wanted_ = false;
  update_gauge();
}

void Sessions::became_ready() {
  was_ready_ = true;
  reconnect_ = false;
}

void Sessions::answered(base::Duration latency) {
  latency_ =
      latency_ == base::Duration{} ? latency : latency_ + (latency - latency_) / kLatencyWeight;
  backoff_.answered();
  on_trial_ = false;
  update_gauge();
}

void Sessions::heed_keepalive(Session& session, uint16_t timeout) {
  // The server's clock starts before its last answer reaches us; a tenth less than it allows, so
  // that we are the ones who close.
  const base::Duration allowed = base::milliseconds(100) * timeout * 9 / 10;
  idle_timeout_ = std::min<base::Duration>(settings_.idle_timeout, allowed);
  session.set_idle_timeout(idle_timeout_);
}

bool Sessions::ended(const Session& session, uint32_t lost, base::Time now) {
  const Failure kind = session.fault()->kind;
  const bool hung_up = kind == Failure::Eof || kind == Failure::Reset;
  const bool useless =
      session.answers() == 0 && (lost > 0 || now < session.opened_at() + kShortLife);
  if (session.established() && hung_up && !useless) {
    // It did its work until it ended: another one may be opened at once.
    counters_.failures[kind].add(lost);
    return lost > 0;
  }
  // A lost query has been counted already if that is what ended the session.
  counters_.failures[kind].add(kind == Failure::Deadline ? lost : std::max(lost, 1u));
  backoff_.failed(now);
  reconnect_ = true;
  if (session.established()) on_trial_ = true;
  update_gauge();
  return true;
}

base::Time Sessions::next_deadline(base::Time now) {
  base::Time first = base::Time::max();
  for (Session& session : sessions_) first = std::min(first, session.next_deadline());
  const bool missing = reconnect_ || busy(now);
  if (missing && backoff_.pausing(now)) first = std::min(first, backoff_.until());
  return first;
}

Sessions::Census Sessions::count() const {
  Census census;
  for (const Session& session : sessions_) {
    if (session.opening()) ++census.opening;
    if (session.ready()) ++(session.worn() ? census.worn : census.ready);
  }
  return census;
}

unsigned Sessions::wanted_sessions(base::Time now) const {
  if (reconnect_) return 1;
  if (busy(now)) return per_backend_;
  return wanted_ ? 1 : 0;
}

void Sessions::close_finished(base::Time now) {
  const bool relieved = count().ready > 0;
  for (Session& session : sessions_) {
    if (session.fault()) continue;
    if (session.ready() && session.worn() && relieved) session.drain();
    const bool drained = session.state() == Session::State::Draining && session.waiting() == 0;
    if (drained || session.idle(now)) session.close();
  }
}

void Sessions::open_missing(base::Time now) {
  Census census = count();
  if (census.ready > 0) reconnect_ = false;
  if (backoff_.pausing(now)) return;
  const unsigned wanted = wanted_sessions(now);
  for (Session& session : sessions_) {
    if (census.ready + census.opening >= wanted || census.opening >= kMaxOpening) return;
    if (session.state() != Session::State::Closed) continue;
    session.open(now, idle_timeout_);
    ++census.opening;
  }
}

/// Up: this worker would give the backend a query, on a session it has or opens.
void Sessions::update_gauge() { counters_.up.set(was_ready_ && !reconnect_ && !on_trial_ ? 1 : 0); }

}  // namespace tls

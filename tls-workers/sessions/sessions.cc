#include "tls-workers/sessions/sessions.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tls-workers/backends/policy.h"

namespace sessions {
namespace {

/// A session that ends this soon without an answer is one that the server does not want.
constexpr base::seconds kShortLife{1};

/// A session hangs when it has been silent this many times longer than nearly all answers take, ...
constexpr int kHanging = 4;
/// ... but not before this: a retransmission or two is no reason to turn away from it.
constexpr base::milliseconds kHangingAtLeast{300};

}  // namespace

Sessions::Sessions(const Shape& shape, std::shared_ptr<backends::SharedBackend> shared,
                   transport::Tickets& tickets)
    : shared_(std::move(shared)),
      settings_(&shared_->settings),
      per_backend_(shape.per_backend),
      seed_(shape.seed),
      identity_(backends::identity_of(shared_->settings.name)),
      context_(shared_->settings, tickets),
      counters_(shared_->ledgers.at(shape.worker).counters),
      record_(shared_->ledgers.at(shape.worker).record),
      backoff_(shape.seed),
      more_backoff_(shape.seed),
      idle_timeout_(shared_->settings.idle_timeout) {
  // As many again to take over from worn ones, two that still drain, and those for a rush.
  const unsigned slots = per_backend_ * 2 + 2 + kMostExtra;
  for (unsigned i = 0; i < slots; ++i) {
    sessions_.emplace_back(shape.backend, shared_->settings, context_, counters_, shape.epoll);
  }
}

backends::Candidate Sessions::candidate(uint32_t subject, base::Time now) {
  const Census census = count(now);
  backends::Candidate candidate{
      .backend = number(),
      .outstanding = static_cast<uint32_t>(counters_.in_flight.read()),
      .capacity = (census.ready + census.worn) * settings_->max_in_flight,
      .order = settings_->order,
      .weight = settings_->weight,
      .identity = identity_,
      .latency = latency_is_known(now) ? latency_.smoothed() : base::Duration{},
      .p95 = latency_.p95(),
      .retry_at = backoff_.until(),
      .opening = census.opening > 0};
  if (session_with_room(subject, now) != nullptr) {
    candidate.standing = on_trial_ ? backends::Standing::OnTrial : backends::Standing::Ready;
  } else if (census.ready + census.worn > 0) {
    candidate.standing = backends::Standing::Full;
    candidate.full_for_others = !any_takes_more(now);
  } else if (census.opening == 0 && backoff_.pausing(now)) {
    candidate.standing = backends::Standing::Down;
  } else {
    candidate.standing = reconnect_ ? backends::Standing::Failing : backends::Standing::Closed;
  }
  return candidate;
}

bool Sessions::any_takes_more(base::Time now) const {
  return std::ranges::any_of(sessions_,
                             [&](const Session& session) { return takes_more(session, now); });
}

Session* Sessions::session_with_room(uint32_t subject, base::Time now) {
  const auto rank = [&](Session& session) {
    return std::tuple(hangs(session, now), session.waiting(), session.last_asked());
  };
  Session* best = nullptr;
  for (Session& session : sessions_) {
    if (!takes_more(session, now) || session.asks(subject)) continue;
    if (best == nullptr || rank(session) < rank(*best)) best = &session;
  }
  return best;
}

/// What the server will close before it answers, it is not asked.
bool Sessions::takes_more(const Session& session, base::Time now) const {
  return session.has_room() && session.queries() < lifespan_.answers(now);
}

/// It is silent while others answer. If all are silent, it is the backend that hangs, and which of
/// its sessions is used makes no difference.
bool Sessions::hangs(Session& session, base::Time now) const {
  const base::Duration patience =
      std::max<base::Duration>(latency_.p95() * kHanging, kHangingAtLeast);
  const std::optional<base::Time> since = session.silent_since();
  return since && now >= *since + patience && heard_since(*since);
}

/// Neighbours are opened together, but should not be replaced together: not those that live long,
/// and still less those whose server puts an end to them. Those are replaced when one half to seven
/// eighths of what is expected of them are over; but not what has carried nothing, since a server
/// that gives its sessions a third of a second would be offered ten a second for nothing.
bool Sessions::worn(const Session& session, base::Time now) const {
  const auto opened = static_cast<uint64_t>(session.opened_at().time_since_epoch().count());
  const auto place = reinterpret_cast<uintptr_t>(&session);
  constexpr uint64_t kMix = 0x9E37'79B9'7F4A'7C15;  // 2^64 / the golden ratio.
  const double part = static_cast<double>(((seed_ ^ opened ^ place) * kMix) >> 11) * 0x1p-53;
  const auto spread = [&](base::Duration life, double from, double to) {
    return base::Duration(
        static_cast<int64_t>(static_cast<double>(life.count()) * (from + (to - from) * part)));
  };
  base::Duration life = spread(kLongestLife, 1, 1.5);
  const base::Duration expected = lifespan_.age(now);
  if (expected < life && session.queries() > 0) life = spread(expected, 0.5, 0.875);
  const uint64_t answers = lifespan_.answers(now);
  const bool asked_enough =
      answers != Lifespan::kAnyNumber &&
      static_cast<double>(session.queries()) >= static_cast<double>(answers) * (0.5 + 0.375 * part);
  return session.worn() || asked_enough || now >= session.opened_at() + life;
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
  wanted_ = insisted_ = more_wanted_ = false;
  update_gauge();
}

void Sessions::became_ready(const Session& session) {
  if (const std::optional<backends::Date> expiry = session.shown_expiry())
    record_.saw_certificate(*expiry);
  was_ready_ = true;
  reconnect_ = false;
}

void Sessions::answered(const Session& by, base::Duration latency, base::Time now) {
  if (!latency_is_known(now)) latency_ = {};
  latency_.record(latency);
  last_answer_ = now;
  if (by.opened_at() > refused_at_) more_backoff_.answered();
  backoff_.answered();
  on_trial_ = false;
  update_gauge();
}

void Sessions::heed_keepalive(Session& session, uint16_t timeout) {
  // The server's clock starts before its last answer reaches us; a tenth less than it allows, so
  // that we close first.
  const base::Duration allowed = base::milliseconds(100) * timeout * 9 / 10;
  idle_timeout_ = std::min<base::Duration>(settings_->idle_timeout, allowed);
  session.set_idle_timeout(idle_timeout_);
}

bool Sessions::ended(const Session& session, uint32_t lost, base::Time now) {
  const backends::Failure kind = session.fault()->kind;
  const bool hung_up = kind == backends::Failure::Eof || kind == backends::Failure::Reset;
  const bool useless =
      session.answers() == 0 && (lost > 0 || now < session.opened_at() + kShortLife);
  if (session.established() && hung_up && !useless) {
    // It did its work until it ended: another one may be opened at once.
    note_end(session, lost, now);
    counters_.failures[kind].add(lost);
    if (lost > 0) record_.failed(*session.fault());
    return lost > 0;
  }
  if (session.silent()) return false;  // Nothing that was not known.
  const bool turned_away = session.established() ? hung_up : kind != backends::Failure::Certificate;
  if (turned_away && another_works(session)) {
    // Servers limit what one client may have. Answers on the others change nothing about that.
    more_backoff_.failed(now);
    refused_at_ = now;
    counters_.failures[kind].add(lost);
    return lost > 0;
  }
  record_.failed(*session.fault());
  counters_.failures[kind].add(std::max(lost, 1u));
  if (kind == backends::Failure::Mismatch && session.established()) {
    // What came made no sense, but the connection is sound. It is only not to be opened again and
    // again for a server that says nothing else.
    if (session.answers() == 0) backoff_.pause(now);
    return true;
  }
  failed(now);
  if (session.established()) on_trial_ = true;
  update_gauge();
  return true;
}

bool Sessions::another_works(const Session& session) const {
  return std::ranges::any_of(sessions_, [&](const Session& other) {
    return &other != &session && other.ready() && !other.silent() && other.answers() > 0;
  });
}

/// The server has closed `session`. If it was in use, that was not for want of use.
void Sessions::note_end(const Session& session, uint32_t lost, base::Time now) {
  const base::Duration age = now - session.opened_at();
  const bool in_use = lost > 0 || now < session.last_used() + age / 8;
  if (in_use && session.ready() && session.answers() > 0)
    lifespan_.ended(age, session.answers(), now);
}

void Sessions::fell_silent(base::Time since, base::Time now) {
  record_.failed({backends::Failure::Deadline, "does not answer"});
  // One session fell silent while another went on answering: a path or a process behind a load
  // balancer has gone, not the backend.
  if (heard_since(since)) return;
  failed(now);
  on_trial_ = true;
  update_gauge();
}

void Sessions::failed(base::Time now) {
  backoff_.failed(now);
  reconnect_ = true;
}

base::Time Sessions::next_deadline(base::Time now) {
  base::Time first = base::Time::max();
  for (Session& session : sessions_) first = std::min(first, session.next_deadline());
  const bool missing = reconnect_ || busy(now);
  for (const Backoff& backoff : {backoff_, more_backoff_}) {
    if (missing && backoff.pausing(now)) first = std::min(first, backoff.until());
  }
  return first;
}

Sessions::Census Sessions::count(base::Time now) {
  Census census;
  for (Session& session : sessions_) {
    if (session.opening()) ++census.opening;
    if (session.ready() && !session.silent() && !hangs(session, now))
      ++(worn(session, now) ? census.worn : census.ready);
  }
  return census;
}

unsigned Sessions::wanted_sessions(base::Time now) const {
  if (reconnect_) return 1;
  if (busy(now) || extra_ > 0 || more_wanted_) return per_backend_ + extra_;
  return wanted_ ? 1 : 0;
}

/// Two more at a time, when those that were wanted are there and it is still not enough.
void Sessions::plan_extra(const Census& census, base::Time now) {
  if (now >= last_full_ + kExtraLife) extra_ = 0;
  const bool all_there = census.opening == 0 && census.ready >= per_backend_ + extra_;
  if (more_wanted_ && all_there) extra_ = std::min(extra_ + kMaxOpening, kMostExtra);
}

void Sessions::close_finished(base::Time now) {
  const Census census = count(now);
  const bool relieved = census.ready > 0;
  plan_extra(census, now);
  unsigned surplus = census.ready - std::min(census.ready, per_backend_ + extra_);
  for (Session& session : sessions_) {
    if (session.fault()) continue;
    if (surplus > 0 && session.ready() && session.finished(now) && !worn(session, now)) {
      session.close();
      --surplus;
      continue;
    }
    // What has given as many answers as the server gives is of no use, relieved or not: it would
    // keep its place until it is known better.
    const bool used_up = session.queries() >= lifespan_.answers(now);
    if (session.ready() && (used_up || (worn(session, now) && relieved))) session.drain();
    const bool over = session.state() == Session::State::Draining || session.silent();
    if ((over && session.finished(now)) || session.idle(now)) session.close();
  }
}

void Sessions::open_missing(base::Time now) {
  Census census = count(now);
  if (census.ready > 0) reconnect_ = false;
  if (backoff_.pausing(now) && !insisted_) return;
  if (more_backoff_.pausing(now) && census.ready + census.worn > 0) return;
  const unsigned wanted = wanted_sessions(now);
  for (Session& session : sessions_) {
    if (census.ready + census.opening >= wanted || census.opening >= kMaxOpening) return;
    if (session.state() != Session::State::Closed) continue;
    session.open(now, idle_timeout_);
    ++census.opening;
  }
  // Silent ones have taken every place: the one that was asked first makes room.
  if (census.ready + census.opening == 0) close_longest_silent();
}

void Sessions::close_longest_silent() {
  Session* longest = nullptr;
  for (Session& session : sessions_) {
    if (!session.silent() || session.fault()) continue;
    if (longest == nullptr || session.last_asked() < longest->last_asked()) longest = &session;
  }
  if (longest != nullptr) longest->fail(backends::Failure::Deadline, "does not answer");
}

/// Up: this worker would give the backend a query, on a session it has or opens.
void Sessions::update_gauge() { counters_.up.set(was_ready_ && !reconnect_ && !on_trial_ ? 1 : 0); }

}  // namespace sessions

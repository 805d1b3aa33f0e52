#include "tls-workers/sessions/session.h"

#include <openssl/rand.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "dataplane/base/assert.h"
#include "dataplane/dns/answer.h"

namespace sessions {
namespace {

uint16_t random_id() {
  unsigned char octets[2] = {};
  // Inside TLS ids cannot be guessed or injected anyway, so a failing generator only costs the
  // surprise.
  (void)RAND_bytes(octets, sizeof octets);
  return static_cast<uint16_t>(octets[0] << 8 | octets[1]);
}

bool is_answer(const transport::Outcome& outcome, const Fingerprint& asked) {
  const auto question = dns::question_in(outcome.message, asked.wants, asked.pool);
  return question && fingerprint_of(*question).hash == asked.hash;
}

}  // namespace

Session::Session(uint32_t backend, const backends::BackendSettings& settings,
                 const transport::TlsContext& context, backends::BackendCounters& counters,
                 int epoll)
    : backend_(backend),
      settings_(settings),
      context_(context),
      counters_(counters),
      epoll_(epoll),
      carrier_(transport::make_carrier(settings)) {}

void Session::open(base::Time now, base::Duration idle_timeout) {
  ASSERT(state_ == State::Closed);
  inflight_ = Inflight(random_id(), settings_.max_in_flight);
  answers_ = last_disowned_ = 0;
  disowned_ = 0;
  suspects_nobody_ = false;
  idle_timeout_ = idle_timeout;
  opened_at_ = last_asked_ = last_heard_ = last_received_ = now;
  acknowledged_ = true;
  reminded_ = false;
  silent_ = false;
  enter(State::Connecting);
  const bool directly = !settings_.socks5;
  take(stream_.connect(directly ? settings_.address : settings_.socks5->proxy), now);
  if (stream_.fd() < 0) return;
  epoll_event event{};
  event.events = events_ = EPOLLIN | EPOLLOUT;
  event.data.ptr = this;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, stream_.fd(), &event) != 0)
    fail(backends::Failure::Connect, "no room in epoll");
}

void Session::advance(base::Time now) {
  if (fault_) return;
  switch (state_) {
    case State::Closed:
      return;
    case State::Connecting:
      take(stream_.finish_connect(), now);
      break;
    case State::Proxying:
      pass_proxy(now);
      break;
    case State::Handshaking:
      shake_hands(now);
      break;
    case State::Ready:
    case State::Draining:
      stream_.readable();
      return;
  }
  wait_for_socket();
}

/// Goes on from a step of connecting.
void Session::take(backends::Step step, base::Time now) {
  if (!step) return fail_to_connect(std::move(step.error().text));
  if (*step == backends::Progress::Wait) return;
  if (settings_.socks5) {
    proxy_.emplace(settings_);
    enter(State::Proxying);
    pass_proxy(now);
  } else {
    enter(State::Handshaking);
    shake_hands(now);
  }
}

void Session::pass_proxy(base::Time now) {
  backends::Step step = stream_.pass(*proxy_);
  if (!step) return fail_to_connect(std::move(step.error().text));
  if (*step == backends::Progress::Wait) return;
  proxy_.reset();
  enter(State::Handshaking);
  shake_hands(now);
}

/// Names the proxy, if it is one that could not be reached or did not help.
void Session::fail_to_connect(std::string text) {
  if (settings_.socks5) text = "proxy " + settings_.socks5->proxy.text() + ": " + text;
  fail(backends::Failure::Connect, std::move(text));
}

void Session::shake_hands(base::Time now) {
  backends::Step step = stream_.shake_hands(context_, now);
  if (!step) return fail(step.error().kind, std::move(step.error().text));
  if (*step == backends::Progress::Wait) return;
  (stream_.resumed() ? counters_.handshakes_resumed : counters_.handshakes_full).add();
  last_heard_ = last_asked_ = now;  // Idle time begins here.
  carrier_->open();
  enter(State::Ready);
}

void Session::keep_time(base::Time now) {
  if (fault_) return;
  if (state_ == State::Connecting && now >= opened_at_ + kConnectTimeout) {
    fail_to_connect("cannot connect: no reply");
  } else if (state_ == State::Proxying && now >= opened_at_ + kOpenTimeout) {
    fail_to_connect(std::string(proxy_->awaited()));
  } else if (state_ == State::Handshaking && now >= opened_at_ + kOpenTimeout) {
    fail(backends::Failure::Tls, "the TLS handshake takes too long");
  } else if (established() && owes_acknowledgement() && now >= last_received_ + kQuietBeforeAck) {
    // A server with Nagle's algorithm on holds its next answer back until the one before is
    // acknowledged, which by itself we would do after 40 ms. At full rate answers and queries carry
    // the acknowledgements and this never runs.
    stream_.acknowledge();
    acknowledged_ = true;
  }
  if (established() && !reminded_ && inflight_.waiting() > 0 &&
      now >= quiet_since() + kQuietBeforeReminder) {
    carrier_->remind();
    reminded_ = true;
  }
}

std::optional<Session::Heard> Session::hear(base::Time now) {
  while (established() && !fault_) {
    if (const std::optional<transport::Outcome> outcome = carrier_->next()) {
      if (std::optional<Heard> heard = take(*outcome)) return heard;
    } else if (carrier_->fault()) {
      fault_ = carrier_->fault();
    } else if (carrier_->refuses_more() && ready()) {
      heed_refusal();
    } else if (!read(now)) {
      break;
    }
  }
  return std::nullopt;
}

/// Nothing for what is of no use, or ends the session.
std::optional<Session::Heard> Session::take(const transport::Outcome& outcome) {
  const std::optional<Asked> asked = inflight_.settle(outcome.id);
  if (!asked) {
    if (has_answered_before(outcome)) return std::nullopt;
    // The stream cannot be trusted to be in step with us any more. RFC 7766 §7.
    fail(backends::Failure::Mismatch, "an answer to a query that was not asked");
    return blame(outcome);
  }
  if (asked->state == Asked::State::Waiting) counters_.in_flight.subtract();
  if (outcome.fault == nullptr) ++answers_;
  return Heard{*asked, outcome.message, outcome.fault, outcome.age};
}

/// The owner of the name asked for may have made the server answer with another id. If it can be
/// told which query that was, the others are not to suffer for it.
std::optional<Session::Heard> Session::blame(const transport::Outcome& outcome) {
  if (inflight_.was_issued(outcome.id)) return std::nullopt;  // It answers once too often.
  const auto fits = [&](const Asked& asked) { return is_answer(outcome, asked.fingerprint); };
  const std::optional<uint16_t> id = inflight_.find(fits);
  if (!id) return std::nullopt;
  suspects_nobody_ = true;
  const Asked asked = inflight_.settle(*id).value();
  if (asked.state == Asked::State::Waiting) counters_.in_flight.subtract();
  return Heard{asked, {}, &*fault_};
}

void Session::disown() {
  --answers_;
  if (answers_ != last_disowned_) disowned_ = 0;
  last_disowned_ = answers_;
  if (++disowned_ < kMostDisowned) return;
  suspects_nobody_ = true;
  fail(backends::Failure::Mismatch,
       "one answer after the other to another question than was asked");
}

/// Whether it is the second answer to a query: harmless, since no asker waits for it.
bool Session::has_answered_before(const transport::Outcome& outcome) {
  const std::optional<Asked> asked = inflight_.repeat(outcome.id);
  if (!asked) return false;
  return is_answer(outcome, asked->fingerprint);
}

/// The peer will end the session. Those that it still wants to answer it gets the time to.
void Session::heed_refusal() {
  if (inflight_.waiting() > 0) return drain();
  fail(backends::Failure::Eof, "closed by the server");
}

/// Reads once from the stream. Whether there was anything.
bool Session::read(base::Time now) {
  base::Result<size_t, backends::Fault> size = stream_.read(carrier_->room());
  if (stream_.take_received()) {
    last_received_ = now;
    acknowledged_ = false;
    reminded_ = false;
  }
  if (!size) {
    fail(size.error().kind, std::move(size.error().text));
    return false;
  }
  if (*size == 0) return false;
  if (carrier_->filled(*size) == transport::Carrier::Came::Answers) {
    last_heard_ = now;
    silent_ = false;
  }
  return true;
}

void Session::ask(const dns::Question& question, QuestionHandle handle, Purpose purpose,
                  base::Time now, backends::Source source) {
  ASSERT(backends::has_room());
  carrier_->ask(question, inflight_.issue(handle, purpose, now, fingerprint_of(question), source));
  last_asked_ = now;
  counters_.queries.add();
  counters_.in_flight.add();
}

void Session::flush() {
  if (!established() || fault_) return;
  const base::ByteView unsent = carrier_->unsent();
  if (unsent.empty() && !stream_.has_unsent()) return wait_for_socket();
  stream_.flush();
  if (!unsent.empty()) {
    carrier_->sent(stream_.write(unsent));
    stream_.flush();
  }
  wait_for_socket();
}

std::optional<Session::Overdue> Session::next_overdue(base::Time now) {
  const Asked* oldest = inflight_.oldest();
  if (oldest == nullptr || now < oldest->at + settings_.query_timeout) return std::nullopt;
  return time_out_oldest();
}

Session::Overdue Session::time_out_oldest() {
  const uint16_t id = inflight_.oldest_id();
  Overdue overdue{.asked = inflight_.time_out_oldest(), .may_come = carrier_->give_up(id)};
  if (!overdue.may_come) {
    (void)inflight_.settle(id);
    overdue.asked.state = Asked::State::Waiting;  // As it was until now.
  }
  counters_.in_flight.subtract();
  return overdue;
}

std::optional<base::Time> Session::silent_since() {
  const Asked* oldest = inflight_.oldest();
  if (oldest == nullptr || !silent_since(oldest->at)) return std::nullopt;
  return oldest->at;
}

bool Session::finished(base::Time now) const {
  return inflight_.waiting() == 0 &&
         (inflight_.timed_out() == 0 || now >= last_asked_ + kAnswerLife);
}

bool Session::idle(base::Time now) const {
  return established() && finished(now) &&
         now >= std::max(last_asked_, last_heard_) + idle_timeout_;
}

base::Time Session::next_deadline() {
  switch (state_) {
    case State::Closed:
      return base::Time::max();
    case State::Connecting:
      return opened_at_ + kConnectTimeout;
    case State::Proxying:
    case State::Handshaking:
      return opened_at_ + kOpenTimeout;
    case State::Ready:
    case State::Draining:
      break;
  }
  const Asked* oldest = inflight_.oldest();
  if (oldest == nullptr) {
    const base::Time idle = std::max(last_asked_, last_heard_) + idle_timeout_;
    return inflight_.timed_out() == 0 ? idle : std::max(idle, last_asked_ + kAnswerLife);
  }
  base::Time overdue = oldest->at + settings_.query_timeout;
  if (!reminded_) overdue = std::min(overdue, quiet_since() + kQuietBeforeReminder);
  return owes_acknowledgement() ? std::min(overdue, last_received_ + kQuietBeforeAck) : overdue;
}

void Session::fail(backends::Failure kind, std::string text) {
  if (!fault_) fault_ = backends::Fault{kind, std::move(text)};
}

void Session::close() {
  if (fault_) {
    stream_.drop();
  } else {
    if (established()) {
      carrier_->finish();
      flush();
    }
    stream_.close();
  }
  enter(State::Closed);
  proxy_.reset();
  carrier_->clear();
  counters_.in_flight.subtract(inflight_.waiting());
  inflight_ = Inflight(0, 0);
  fault_.reset();
}

void Session::enter(State state) {
  if (state_ == State::Ready) counters_.sessions.subtract();
  state_ = state;
  if (state_ == State::Ready) counters_.sessions.add();
}

/// Tells epoll to wake us for writing only while there is something to write.
void Session::wait_for_socket() {
  if (stream_.fd() < 0) return;
  const bool writing =
      state_ == State::Connecting || stream_.has_unsent() || (proxy_ && !proxy_->unsent().empty());
  const uint32_t events = EPOLLIN | (writing ? uint32_t{EPOLLOUT} : 0u);
  if (events == events_) return;
  epoll_event event{};
  event.events = events_ = events;
  event.data.ptr = this;
  (void)epoll_ctl(epoll_, EPOLL_CTL_MOD, stream_.fd(), &event);
}

}  // namespace sessions

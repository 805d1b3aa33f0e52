// One session over TLS: from the connect to the last answer. Many queries are in flight at once and
// answers come in any order (RFC 7766 §6.2.1.1); an answer counts only for the id it was asked
// with, on the session it was asked on. How messages travel is the carrier's affair.
//
// A session decides nothing about questions: it says what it heard, what it lost and why it ended,
// and its owner acts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/clock.h"
#include "dataplane/dns/question.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/sessions/inflight.h"
#include "tls-workers/transport/carrier.h"
#include "tls-workers/transport/tls_context.h"
#include "tls-workers/transport/tls_stream.h"

namespace sessions {

class Session {
 public:
  enum class State : uint8_t {
    Closed,
    Connecting,
    Proxying,  // A proxy connects us to the resolver.
    Handshaking,
    Ready,     // The peer is authenticated; queries may be sent.
    Draining,  // Queries that are under way may still be answered; no more are sent.
  };

  /// What it borrows outlives it. `epoll`: where its socket waits; events carry the session's
  /// address.
  Session(uint32_t backend, const backends::BackendSettings& settings,
          const transport::TlsContext& context, backends::BackendCounters& counters, int epoll);
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // All of these: the worker's thread, at the turn's `now`.

  /// Closed only. Goes as far as it can at once. `idle_timeout`: until the server names its own.
  void open(base::Time now, base::Duration idle_timeout);
  /// The socket is ready: connects, shakes hands. What has arrived is for `hear`.
  void advance(base::Time now);
  /// Deadlines of connecting and shaking hands; the acknowledgement that a slow writer at the other
  /// end may be waiting for.
  void keep_time(base::Time now);

  struct Heard {
    Asked asked;
    base::ByteView message;                  // Good until the next call of `hear`.
    const backends::Fault* fault = nullptr;  // As long. If set: this query alone has failed.
    base::seconds age{0};                    // Its TTLs have run for so long already.
  };
  /// What became of the next query of this session; call until nothing comes.
  [[nodiscard]] std::optional<Heard> hear(base::Time now);
  /// Puts a query for `question` into the next record. Only if `has_room`. `source`: on whose
  /// behalf.
  void ask(const dns::Question& question, QuestionHandle handle, Purpose purpose, base::Time now,
           backends::Source source = {});
  /// Sends what was asked since the last call.
  void flush();
  void set_idle_timeout(base::Duration timeout) { idle_timeout_ = timeout; }

  /// What was heard last answers another question than was asked with its id. One such answer fails
  /// one query (RFC 7766 §7); after several in a row, nothing on this session can be believed.
  void disown();
  /// Whether it is known what the session's fault was about, so that no other query is under
  /// suspicion.
  [[nodiscard]] bool suspects_nobody() const { return suspects_nobody_; }

  struct Overdue {
    Asked asked;
    bool may_come;  // Its answer. If not, the query is no longer under way.
  };
  /// The oldest query without an answer for longer than query_timeout: it takes no room from now
  /// on. Call until nothing comes.
  [[nodiscard]] std::optional<Overdue> next_overdue(base::Time now);
  /// Nothing came since a query that is overdue by now, and perhaps nothing ever will: until
  /// something does, no more queries are sent. All that wait are overdue: `each(const Overdue&)`.
  template <typename Each>
  void fall_silent(Each each) {
    silent_ = true;
    while (inflight_.oldest() != nullptr) each(time_out_oldest());
  }
  [[nodiscard]] bool silent() const { return silent_; }
  /// Whether nothing at all was received since a query was sent at `when` (a turn reads before it
  /// sends).
  [[nodiscard]] bool silent_since(base::Time when) const { return last_heard_ <= when; }
  /// When its oldest query was sent, if nothing at all came since.
  [[nodiscard]] std::optional<base::Time> silent_since();
  /// Nothing is under way that could still be of use.
  [[nodiscard]] bool finished(base::Time now) const;
  /// The same, and it has not been for the idle timeout.
  [[nodiscard]] bool idle(base::Time now) const;

  /// Why the session cannot go on; the owner then takes what was in flight and closes it.
  [[nodiscard]] const std::optional<backends::Fault>& fault() const { return fault_; }
  void fail(backends::Failure kind, std::string text);
  /// Gives up all queries, overdue ones too: `each(const Asked&)`.
  template <typename Each>
  void abandon(Each each) {
    inflight_.abandon([&](const Asked& asked) {
      if (asked.state == Asked::State::Waiting) counters_.in_flight.subtract();
      each(asked);
    });
  }
  void drain() { enter(State::Draining); }
  void close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool ready() const { return state_ == State::Ready; }
  [[nodiscard]] bool opening() const {
    return state_ == State::Connecting || state_ == State::Proxying || state_ == State::Handshaking;
  }
  [[nodiscard]] bool established() const { return ready() || state_ == State::Draining; }
  [[nodiscard]] bool has_room() const {
    return ready() && !fault_ && !silent_ && inflight_.has_room() && carrier_->has_room();
  }
  /// Whether something about the same name and type is under way here. It must not be asked twice
  /// at once on one session: a resolver that finds it out late may drop both replies, and Unbound
  /// up to 1.23 breaks over dropping a connection twice (its issue 1309).
  [[nodiscard]] bool asks(uint32_t subject) const { return inflight_.asks(subject); }
  /// Has used so many ids that another session should take over.
  [[nodiscard]] bool worn() const { return inflight_.worn(); }
  [[nodiscard]] uint32_t waiting() const { return inflight_.waiting(); }
  [[nodiscard]] uint64_t answers() const { return answers_; }
  /// Queries since it was opened.
  [[nodiscard]] uint64_t queries() const { return inflight_.issued(); }
  /// When it last did something.
  [[nodiscard]] base::Time last_used() const { return std::max(last_asked_, last_heard_); }
  [[nodiscard]] uint32_t backend() const { return backend_; }
  [[nodiscard]] base::Time last_asked() const { return last_asked_; }
  /// As TlsStream::shown_expiry. Only once established.
  [[nodiscard]] std::optional<backends::Date> shown_expiry() const {
    return stream_.shown_expiry();
  }
  [[nodiscard]] base::Time opened_at() const { return opened_at_; }
  /// When `keep_time`, `next_overdue` or `idle` has something to say; Time::max() when Closed.
  [[nodiscard]] base::Time next_deadline();

  static constexpr unsigned kMostDisowned = 8;  // In a row.
  static constexpr base::milliseconds kConnectTimeout{1500};
  static constexpr base::milliseconds kOpenTimeout{3000};  // Connect, proxy and TLS together.
  static constexpr base::milliseconds kQuietBeforeAck{1};
  static constexpr base::milliseconds kQuietBeforeReminder{100};

 private:
  void enter(State state);
  void take(backends::Step step, base::Time now);
  void pass_proxy(base::Time now);
  void shake_hands(base::Time now);
  void fail_to_connect(std::string text);
  void wait_for_socket();
  [[nodiscard]] bool read(base::Time now);
  [[nodiscard]] std::optional<Heard> take(const transport::Outcome& outcome);
  [[nodiscard]] bool has_answered_before(const transport::Outcome& outcome);
  [[nodiscard]] std::optional<Heard> blame(const transport::Outcome& outcome);
  [[nodiscard]] Overdue time_out_oldest();
  void heed_refusal();
  [[nodiscard]] bool owes_acknowledgement() const {
    return !acknowledged_ && inflight_.waiting() > 0;
  }
  [[nodiscard]] base::Time quiet_since() const { return std::max(last_received_, last_asked_); }

  const uint32_t backend_;
  const backends::BackendSettings& settings_;
  const transport::TlsContext& context_;
  backends::BackendCounters& counters_;
  const int epoll_;

  State state_ = State::Closed;
  transport::TlsStream stream_;
  std::optional<transport::Socks5> proxy_;  // While Proxying.
  const std::unique_ptr<transport::Carrier> carrier_;
  Inflight inflight_{0, 0};
  std::optional<backends::Fault> fault_;
  uint64_t answers_ = 0;        // Those to what was asked.
  uint64_t last_disowned_ = 0;  // How many there were then.
  unsigned disowned_ = 0;       // In a row.
  bool suspects_nobody_ = false;
  base::Duration idle_timeout_{};
  base::Time opened_at_{};
  base::Time last_asked_{};
  base::Time last_heard_{};     // Answers, or parts of them.
  base::Time last_received_{};  // Anything.
  uint32_t events_ = 0;         // What epoll was told to wait for.
  bool silent_ = false;
  bool acknowledged_ = false;  // Since the last read.
  bool reminded_ = false;      // The same.
};

}  // namespace sessions

// The sessions one worker holds to one backend: how many there are, when one is opened, replaced or
// closed, and what their ends say about the backend.
//
// While there is traffic the configured number is kept warm, and some more while questions wait for
// room; without any they close one by one and come back on demand. After a failure a single attempt
// at a time is made in the background, so no client has to pay for finding out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/chooser.h"
#include "tls-workers/backends/latency.h"
#include "tls-workers/backends/shared_backend.h"
#include "tls-workers/sessions/backoff.h"
#include "tls-workers/sessions/lifespan.h"
#include "tls-workers/sessions/session.h"
#include "tls-workers/transport/tls_context.h"

namespace sessions {

class Sessions {
 public:
  struct Shape {
    uint32_t backend;      // Its number in the configuration.
    unsigned worker;       // Whose they are: which of the backend's ledgers is theirs.
    unsigned per_backend;  // Sessions kept warm.
    int epoll;
    uint64_t seed;  // For jitter.
  };

  /// Any thread; all else is the worker's. Throws std::runtime_error if TLS cannot be set up.
  Sessions(const Shape& shape, std::shared_ptr<backends::SharedBackend> shared,
           transport::Tickets& tickets);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// What the configuration says of the backend now; it differs from what the sessions were made
  /// by only in what does not matter to them. Outlives them, or the next call.
  void use(const backends::BackendSettings& settings) {
    settings_ = &settings;
    shared_->budget.allow(settings.queries_per_second);
  }
  /// Its number in the configuration.
  [[nodiscard]] uint32_t number() const { return sessions_.front().backend(); }
  /// What the chooser needs to know. `subject`: of the question, see Fingerprint.
  [[nodiscard]] backends::Candidate candidate(uint32_t subject, base::Time now);
  /// The session that gets the next query: one that does not hang and has nothing of `subject`
  /// under way, fewest in flight, then the one that has gone unused for longest; nullptr if none
  /// has room.
  [[nodiscard]] Session* session_with_room(uint32_t subject, base::Time now);
  /// A question waits for a session here: `tend` opens one if need be.
  void want_session() { wanted_ = true; }
  /// The same though there are sessions: all are full. More are kept until none has been for a
  /// while.
  void want_more(base::Time now) { more_wanted_ = true, last_full_ = now; }
  /// The same for a health check, which comes at its own pace: the back-off does not hold it up.
  void insist() { insisted_ = wanted_ = true; }
  /// A query was given to a session.
  void asked(base::Time now);

  /// Opens, drains and closes what has to be, at most kMaxOpening attempts at once. Once a turn.
  /// What fails at once has a `fault`.
  void tend(base::Time now);
  void became_ready(const Session& session);
  /// An answer came on `by`, `latency` after the query: whatever was wrong is over.
  void answered(const Session& by, base::Duration latency, base::Time now);
  /// Whether any session has brought an answer since `when`.
  [[nodiscard]] bool heard_since(base::Time when) const { return last_answer_ > when; }
  /// The server's idle timeout, from an answer's OPT, in units of 100 ms: if it is shorter than
  /// ours, it counts. RFC 7828 §3.3.2.
  void heed_keepalive(Session& session, uint16_t timeout);
  /// `session` has a fault and is about to be closed; `lost` queries go down with it. Counts, and
  /// decides when to try again. True if this was a failure: a server that closes a session on which
  /// nothing is under way does what it may (RFC 7766 §6.2.3).
  bool ended(const Session& session, uint32_t lost, base::Time now);
  /// A session has brought nothing at all since `since`, when a query was sent that is overdue now.
  /// It stays, as long as an answer might still come, but another one takes over.
  void fell_silent(base::Time since, base::Time now);

  /// The last session failed, and none has come up since.
  [[nodiscard]] bool failing() const { return reconnect_; }

  [[nodiscard]] base::Time next_deadline(base::Time now);
  [[nodiscard]] std::deque<Session>& all() { return sessions_; }
  [[nodiscard]] const backends::BackendSettings& settings() const { return *settings_; }
  [[nodiscard]] backends::BackendCounters& counters() { return counters_; }
  [[nodiscard]] backends::Rotation& rotation() { return shared_->rotation; }
  [[nodiscard]] backends::QueryBudget& budget() { return shared_->budget; }
  [[nodiscard]] const std::shared_ptr<backends::SharedBackend>& shared() const { return shared_; }

  static constexpr unsigned kMaxOpening = 2;
  static constexpr unsigned kMostExtra = 8;       // Beyond those kept warm, while questions wait.
  static constexpr base::seconds kExtraLife{10};  // From the last question that had to.
  static constexpr base::seconds kLatencyLife{60};
  /// A session is replaced after this and up to half as long again: certificates expire, servers
  /// move, and a path that has got worse is not kept for days.
  static constexpr base::seconds kLongestLife{480};

 private:
  struct Census {
    unsigned opening = 0;
    unsigned ready = 0;  // Neither worn nor hanging nor silent.
    unsigned worn = 0;   // Still good for queries until another has taken over.
  };
  [[nodiscard]] Census count(base::Time now);
  void failed(base::Time now);
  [[nodiscard]] bool hangs(Session& session, base::Time now) const;
  [[nodiscard]] bool worn(const Session& session, base::Time now) const;
  [[nodiscard]] bool takes_more(const Session& session, base::Time now) const;
  [[nodiscard]] bool any_takes_more(base::Time now) const;
  [[nodiscard]] bool another_works(const Session& session) const;
  void note_end(const Session& session, uint32_t lost, base::Time now);
  [[nodiscard]] unsigned wanted_sessions(base::Time now) const;
  /// A backend that was slow once would never be asked again while another one is faster.
  [[nodiscard]] bool latency_is_known(base::Time now) const {
    return now < last_answer_ + kLatencyLife;
  }
  [[nodiscard]] bool busy(base::Time now) const { return now < second_last_asked_ + idle_timeout_; }
  void close_finished(base::Time now);
  void plan_extra(const Census& census, base::Time now);
  void open_missing(base::Time now);
  void close_longest_silent();
  void update_gauge();

  const std::shared_ptr<backends::SharedBackend> shared_;
  const backends::BackendSettings* settings_;
  const unsigned per_backend_;
  const uint64_t seed_;
  const uint64_t identity_;
  transport::TlsContext context_;
  backends::BackendCounters& counters_;
  backends::BackendRecord& record_;
  Backoff backoff_;
  Backoff more_backoff_;  // Of sessions beside others that work.
  base::Time refused_at_{};
  std::deque<Session> sessions_;  // Fixed in number; a deque because sessions do not move.
  backends::Latency latency_;
  Lifespan lifespan_;
  base::Duration idle_timeout_;  // Ours or the server's.
  base::Time last_answer_{};
  base::Time last_asked_;
  base::Time second_last_asked_;  // One lone query is not worth a second session.
  bool started_ = false;
  bool wanted_ = false;
  bool insisted_ = false;
  bool more_wanted_ = false;
  base::Time last_full_{};
  unsigned extra_ = 0;      // Sessions wanted beyond those kept warm.
  bool reconnect_ = false;  // The last session failed; try again unasked.
  bool on_trial_ = false;   // Sessions came up but did not do their work; the next answer ends it.
  bool was_ready_ = false;  // Ever.
};

}  // namespace sessions

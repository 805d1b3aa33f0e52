// Which backend a question is put to, and when: at once if a session has room, later if one is
// coming, to a second backend if the first is slower than usual.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/protocol.h"
#include "tls-workers/backends/chooser.h"
#include "tls-workers/backends/hedge_budget.h"
#include "tls-workers/backends/policy.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/stale_answers.h"
#include "tls-workers/sessions/backends.h"

namespace questions {

class Dispatcher {
 public:
  /// What it borrows outlives it.
  Dispatcher(sessions::Backends& backends, Questions& questions, StaleAnswers& stale,
             WorkerCounters& counters);

  // All of these: the worker's thread, at the turn's `now`.

  /// Before anything else, and whenever backends or pools have changed.
  void use(const Configuration& configuration);

  /// Hopeless: no backend can be asked in time, and nothing is under way. The caller gives the
  /// question up.
  enum class Prospect : uint8_t { GoesOn, Hopeless };

  /// Sends `question`, or lets it wait for a session.
  [[nodiscard]] Prospect dispatch(OpenQuestion& question, base::Time now);
  /// The same for those that wait, in the order they came; sessions are opened for the longest.
  /// Returns those that are hopeless, good until the next call.
  [[nodiscard]] std::span<OpenQuestion* const> dispatch_waiting(base::Time now);
  /// A query for `question` at `backend` is lost: another one that may be asked is.
  [[nodiscard]] Prospect lost(OpenQuestion& question, uint32_t backend, Loss loss, base::Time now);
  /// The same for one that has not been answered in time but may still be.
  [[nodiscard]] Prospect overdue(OpenQuestion& question, uint32_t backend, Attempts::Where where,
                                 base::Time now);
  /// `question` has waited for its answer longer than usual: another backend is asked as well. If
  /// it has not waited for long, only if the budget allows.
  void hedge(OpenQuestion& question, base::Time now);
  /// Why no backend has been asked for `question`, which waits.
  [[nodiscard]] Hindrance hindrance(const OpenQuestion& question, base::Time now);
  /// RFC 8914 §4.23, §4.24: whether sessions failed the question or there was none to put it to.
  [[nodiscard]] dns::Ede reason(const OpenQuestion& question, base::Time now);

 private:
  enum class Attempt : uint8_t { Sent, Wait, Hopeless };

  struct Pool {
    backends::PolicySettings policy;
    backends::Ranking ranking;
    std::vector<uint32_t> backends;
  };

  [[nodiscard]] Pool& pool_of(const dns::Question& question) {
    return pools_[static_cast<size_t>(question.pool)];
  }
  [[nodiscard]] bool any_up(const dns::Question& question);
  void look_at(const OpenQuestion& question, base::Time now);
  enum class Among : uint8_t { InRotation, All };
  void look_at(const OpenQuestion& question, Among among, base::Time now);
  [[nodiscard]] std::optional<size_t> another(const OpenQuestion& question, base::Time now);
  template <typename Choose>
  [[nodiscard]] std::optional<size_t> pay(const OpenQuestion& question, Choose choose,
                                          base::Time now);
  [[nodiscard]] bool is_coming(base::Time by) const;
  [[nodiscard]] Prospect go_on(OpenQuestion& question, base::Time now);
  [[nodiscard]] Prospect without_backend(OpenQuestion& question);
  void dispatch_line(OpenQuestion* first, base::Time now);
  void tell_stale(OpenQuestion* first, base::Time now);
  void note_if_hopeless(OpenQuestion& question);
  void leave_room_for_others(const OpenQuestion& question);
  [[nodiscard]] Attempt try_to_send(OpenQuestion& question, base::Time now);
  void send(OpenQuestion& question, uint32_t backend, sessions::Purpose purpose, base::Time now);
  void send_first(OpenQuestion& question, const backends::Candidate& chosen, base::Time now);
  void try_others(OpenQuestion& question, const backends::Candidate& chosen, base::Time now);
  void open_for_waiting(const OpenQuestion& longest, base::Time now);

  sessions::Backends& backends_;
  std::vector<Pool> pools_;  // By dns::PoolId.
  bool hedging_ = false;
  backends::HedgeBudget hedges_;
  Questions& questions_;
  StaleAnswers& stale_;
  WorkerCounters& counters_;

  // Scratch, so that a turn allocates nothing.
  std::vector<backends::Candidate> candidates_;  // Those for the question looked at last.
  std::vector<OpenQuestion*> hopeless_;          // Of those that waited.
};

}  // namespace questions

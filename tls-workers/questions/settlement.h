// What becomes of a question: an answer for the cache and for everybody who asked, or a failure
// that is told to all and remembered for a while.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/cache/cache.h"
#include "dataplane/dns/answer.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/entry_maker.h"
#include "tls-workers/questions/failures.h"
#include "tls-workers/questions/late_questions.h"
#include "tls-workers/backends/policy.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/refetches.h"

namespace questions {

/// How a pool's backends are chosen, what its answers are kept in, and for how long. Index of the
/// pool = dns::PoolId.
struct PoolSettings {
  std::string name;
  backends::PolicySettings policy;
  cache::Cache* cache = nullptr;  // nullptr: this pool's answers are not kept.
  dns::LifetimeLimits limits;
  cache::Staleness staleness;
  bool prefetch = true;       // Answers in demand are fetched anew before they expire.
  bool nxdomain_cut = false;  // What lies below a missing name is missing too. RFC 8020.
};

class Settlement {
 public:
  struct Sharing {
    unsigned worker;  // Whose lanes the Fills go to.
    exchange::Exchange& exchange;
    cache::Readers& readers;
  };
  /// What it borrows outlives it.
  Settlement(const Sharing& sharing, Questions& questions, WorkerCounters& counters);

  // All of these: the worker's thread, at the turn's `now`.

  /// Before anything else, and whenever they have changed. They outlive it, or the next call.
  void use(const std::vector<PoolSettings>& pools) { pools_ = &pools; }
  /// Whether a question like this failed so lately that it is failed again at once. If so, its Fill
  /// has been sent.
  [[nodiscard]] bool refuse_again(const exchange::Miss& miss, const Asker& asker, base::Time now);

  /// Whether a name above the question's is known to be missing, and the operator takes that for an
  /// answer. If so, its Fill has been sent: NXDOMAIN without records. RFC 8020 §2.
  [[nodiscard]] bool tell_missing(const exchange::Miss& miss, const Asker& asker, base::Time now);

  struct Made {
    cache::Entry* entry;  // The caller's; nullptr: memory is out, and that has been counted.
    uint32_t lifetime;    // Seconds; 0: not to be kept.
    bool failure;         // As dns::is_failure.
  };
  [[nodiscard]] Made make(const dns::Question& question, const dns::Answer& answer, base::Time now);

  // A failure is told only if the cache has nothing to say instead: an answer whose time is over,
  // but not for too long (RFC 8767). Unless signatures are what failed: then the old answer may be
  // what somebody wants to be believed.

  /// `made` is the answer: kept if it may be, told to all askers. Takes the entry, closes
  /// `question`.
  void settle(OpenQuestion& question, const Made& made, base::Time now);
  /// Nobody else is asked: the second best answer if there is one, failure for `reason` if not.
  /// That the question has failed is remembered if somebody has failed it; that nobody could be
  /// reached says nothing about it. Closes `question`.
  void give_up(OpenQuestion& question, dns::Ede reason, base::Time now);
  /// Tells all askers what the cache has to be told in the place of a failure, if it has.
  void tell_old(OpenQuestion& question, base::Time now);
  /// Tells the askers who can wait no longer.
  void tell_overdue(OpenQuestion& question, dns::Ede reason, base::Time now);
  /// Tells `asker`, if there is something in the cache to be told in the place of a failure.
  [[nodiscard]] bool tell_stale(const dns::Question& question, const Asker& asker, base::Time now);
  /// An answer to a query that had been given up, and whose question may have been closed since:
  /// for the cache alone.
  void keep_late(const dns::Question& question, const dns::Answer& answer, base::Time now);
  /// The question that was `handle`'s when it was given up; nullptr if that is not known any more.
  [[nodiscard]] const dns::Question* late_question(sessions::QuestionHandle handle) const {
    return late_.find(handle);
  }

  /// A question that is to be fetched ahead now, since its answer is in demand and the last attempt
  /// brought none, or one that ends soon. Call until nothing comes.
  [[nodiscard]] std::optional<dns::Question> next_ahead(base::Time now);
  /// When that has something to say.
  [[nodiscard]] base::Time ahead_at() const { return refetches_.first(); }

  /// By any thread: no question is refused again for what failed until now.
  void forget_failures() { failures_.forget(); }

  /// One Fill for one Miss, unless nobody waits for it. `entry`: nullptr for a failure.
  void fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede);
  /// After the last Fill of a turn: cores look by themselves, other workers' fronts may sleep.
  void wake_fronts();

  /// Frees what no reader can see any more.
  void collect() { reclaim_.collect(); }
  [[nodiscard]] bool anything_to_collect() const { return reclaim_.waiting() > 0; }
  [[nodiscard]] cache::Reclaim& reclaim() { return reclaim_; }

 private:
  /// What the cache has for `question` though it could not be found out just now, with a pin that
  /// is the caller's; nullptr: nothing. If its time is over, it is published anew, to be told for
  /// 30 s without asking.
  [[nodiscard]] const cache::Entry* stale_answer(const dns::Question& question, base::Time now);
  void look_ahead(const OpenQuestion& question, const Made& made, base::Time now);
  void tell_all(const cache::Entry* entry, dns::Ede ede);
  void keep(const dns::Question& question, const Made& made, base::Time now);

  [[nodiscard]] const PoolSettings& pool_of(const dns::Question& question) const {
    return (*pools_)[static_cast<size_t>(question.pool)];
  }

  const std::vector<PoolSettings>* pools_ = nullptr;
  const unsigned worker_;
  exchange::Exchange& exchange_;
  Questions& questions_;
  WorkerCounters& counters_;
  cache::Reclaim reclaim_;
  EntryMaker entry_maker_;
  Failures failures_;
  LateQuestions late_;
  Refetches refetches_;
  uint64_t fronts_to_wake_ = 0;  // Bit per worker whose front got a Fill.
  std::vector<Asker> released_;  // Scratch, so that a turn allocates nothing.
};

}  // namespace questions

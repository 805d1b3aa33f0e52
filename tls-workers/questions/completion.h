// How a question ends: with an answer for the cache and for all askers, or with a failure that is
// told to all and remembered for a while.
//
// A failure is told only if the cache has nothing to say instead (stale_answers.h).
#pragma once

#include <optional>

#include "dataplane/base/clock.h"
#include "dataplane/cache/cache.h"
#include "dataplane/cache/reclaim.h"
#include "dataplane/dns/answer.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/entry_maker.h"
#include "tls-workers/questions/failures.h"
#include "tls-workers/questions/fills.h"
#include "tls-workers/questions/late_questions.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/refetches.h"
#include "tls-workers/questions/stale_answers.h"

namespace questions {

class Completion {
 public:
  /// What it borrows, all of which outlives it.
  struct Sharing {
    const Pools& pools;
    Questions& questions;
    Fills& fills;
    StaleAnswers& stale;
    cache::Reclaim& reclaim;
    WorkerCounters& counters;
  };
  explicit Completion(const Sharing& sharing) : sharing_(sharing) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// Whether a question like this failed so lately that it is failed again at once. If so, its Fill
  /// has been sent.
  [[nodiscard]] bool refuse_again(const exchange::Miss& miss, const Asker& asker, base::Time now);

  /// `answer`, which was given at `said`, is kept if it may be and told to all askers. Closes
  /// `question`.
  void settle(OpenQuestion& question, const dns::Answer& answer, base::Time said, base::Time now);
  /// `refusal` is told if no backend has anything better to say; the first one counts. False: there
  /// is no memory for it, and the question is to be given up.
  [[nodiscard]] bool keep_refusal(OpenQuestion& question, const dns::Answer& refusal,
                                  base::Time now);
  /// No other backend is asked: all are told the refusal if there is one, failure for `reason` if
  /// not. That is remembered if a backend has failed the question; that none could be reached says
  /// nothing about it. Closes `question`.
  void give_up(OpenQuestion& question, dns::Ede reason, base::Time now);
  /// Tells the askers that can wait no longer.
  void tell_overdue(OpenQuestion& question, dns::Ede reason, base::Time now);

  /// The question that was `handle`'s when it was given up; nullptr if that is not known any more.
  [[nodiscard]] const dns::Question* late_question(sessions::QuestionHandle handle) const {
    return late_.find(handle);
  }
  /// An answer, given at `said`, to a question that may have been closed since: for the cache
  /// alone.
  void keep_late(const dns::Question& question, const dns::Answer& answer, base::Time said);

  /// A question that is to be fetched ahead now, since its answer is in demand and the last attempt
  /// brought none, or one that ends soon. Call until nothing comes.
  [[nodiscard]] std::optional<dns::Question> next_ahead(base::Time now);
  /// When that has something to say.
  [[nodiscard]] base::Time ahead_at() const { return refetches_.first(); }

  /// By any thread: no question is refused again for what failed until now.
  void forget_failures() { failures_.forget(); }

 private:
  struct Made {
    cache::Entry* entry;  // Owned; nullptr: memory is out, and that has been counted.
    uint32_t lifetime;    // Seconds; 0: not to be kept.
    bool failure;         // As dns::is_failure.
  };
  [[nodiscard]] Made make(const dns::Question& question, const dns::Answer& answer,
                          base::Time said);
  void settle(OpenQuestion& question, const Made& made, base::Time now);
  void remember(const dns::Question& question, const Made& made, base::Time now);
  void publish(const OpenQuestion& question, const Made& made, base::Time now);
  void keep(const dns::Question& question, const Made& made, base::Time now);
  void look_ahead(const OpenQuestion& question, const Made& made, base::Time now);

  const Sharing sharing_;
  EntryMaker entry_maker_;
  Failures failures_;
  LateQuestions late_;
  Refetches refetches_;
};

}  // namespace questions

// What the cores ask: Misses come off their rings, equal questions are merged, and what is known
// already is told at once.
#pragma once

#include <cstdint>

#include "dataplane/base/clock.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/completion.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/fills.h"
#include "tls-workers/questions/nxdomain_cut.h"
#include "tls-workers/questions/progress.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/stale_answers.h"

namespace worker {

class Misses {
 public:
  /// What it borrows, all of which outlives it.
  struct Sharing {
    unsigned worker;  // Whose lanes they come from.
    exchange::Exchange& exchange;
    questions::Questions& questions;
    questions::Completion& completion;
    questions::NxdomainCut& nxdomain_cut;
    questions::StaleAnswers& stale;
    questions::Fills& fills;
    questions::Progress& progress;
    questions::WorkerCounters& counters;
  };
  /// `max_questions`: open at once.
  Misses(const Sharing& sharing, unsigned max_questions)
      : sharing_(sharing), max_questions_(max_questions) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// Some from each lane, and what is to be fetched ahead.
  void take(base::Time now);
  [[nodiscard]] bool any_wait();
  /// The worker stops: all that wait are failed.
  void refuse_all();

 private:
  void take(const exchange::Miss& miss, uint32_t core, base::Time now);
  void respond_unasked(const exchange::Miss& miss, const questions::Asker& asker, base::Time now);

  const Sharing sharing_;
  const unsigned max_questions_;
};

}  // namespace worker

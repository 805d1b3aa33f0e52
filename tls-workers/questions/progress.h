// What becomes of open questions: each is sent, waits, goes to another backend when one has failed
// it, and ends. Which backend is the dispatcher's choice, how it ends is completion's affair; here
// is decided which of the two it is.
#pragma once

#include <cstdint>

#include "dataplane/base/clock.h"
#include "dataplane/dns/answer.h"
#include "tls-workers/questions/completion.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/dispatcher.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/sessions/session.h"

namespace questions {

class Progress {
 public:
  /// What it borrows outlives it.
  Progress(Questions& questions, Dispatcher& dispatcher, Completion& completion,
           WorkerCounters& counters)
      : questions_(questions),
        dispatcher_(dispatcher),
        completion_(completion),
        counters_(counters) {}

  // All of these: the worker's thread, at the turn's `now`. Each may close the question.

  /// `question` was opened just now.
  void begin(OpenQuestion& question, base::Time now);
  /// Those that no session had room for. Once a turn.
  void dispatch_waiting(base::Time now);
  /// Overdue askers are told, second queries sent, questions whose time is over given up. Once a
  /// turn.
  void meet_deadlines(base::Time now);

  /// `question` has got `answer`, which was given at `said`.
  void answered(OpenQuestion& question, const dns::Answer& answer, base::Time said,
                base::Time now) {
    completion_.settle(question, answer, said, now);
  }
  /// `backend` has refused `question`, or says that it cannot find it out.
  void refused(OpenQuestion& question, uint32_t backend, const dns::Answer& refusal,
               base::Time now);
  /// A query has ended without an answer. Its question may have been closed.
  void lost(const sessions::Asked& asked, uint32_t backend, Loss loss, base::Time now);
  /// A query has not been answered in time.
  void overdue(const sessions::Session::Overdue& overdue, uint32_t backend, Attempts::Where where,
               base::Time now);

  /// The worker stops.
  void give_up_all(base::Time now);

 private:
  void follow(OpenQuestion& question, Dispatcher::Prospect prospect, base::Time now);
  void give_up(OpenQuestion& question, base::Time now);
  void look_after(OpenQuestion& question, base::Time now);
  void count_if_unplaced(const OpenQuestion& question, base::Time now);

  Questions& questions_;
  Dispatcher& dispatcher_;
  Completion& completion_;
  WorkerCounters& counters_;
};

}  // namespace questions

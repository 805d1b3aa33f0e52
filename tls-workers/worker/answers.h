// What sessions hear: each message is taken for what it is, and goes to the backend's account and
// to the question it was asked for.
#pragma once

#include "dataplane/base/clock.h"
#include "dataplane/dns/answer.h"
#include "tls-workers/questions/completion.h"
#include "tls-workers/questions/progress.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/sessions/health_checks.h"
#include "tls-workers/sessions/session.h"
#include "tls-workers/worker/backend_events.h"

namespace worker {

class Answers {
 public:
  /// What it borrows, all of which outlives it.
  struct Sharing {
    sessions::Backends& backends;
    sessions::Checks& checks;
    BackendEvents& events;
    questions::Questions& questions;
    questions::Completion& completion;
    questions::Progress& progress;
  };
  explicit Answers(const Sharing& sharing) : sharing_(sharing) {}

  /// The worker's thread, at the turn's `now`.
  void take(sessions::Session& session, const sessions::Session::Heard& heard, base::Time now);

 private:
  using Session = sessions::Session;
  using Heard = sessions::Session::Heard;

  void take_failure(const Session& session, const Heard& heard, base::Time now);
  void take_check(const Session& session, const Heard& heard, base::Time now);
  void take_late(const Session& session, const Heard& heard, base::Time now);
  void take_fault(Session& session, const Heard& heard, dns::AnswerFault fault, base::Time now);
  void take_answer(Session& session, const Heard& heard, questions::OpenQuestion& question,
                   const dns::Answer& answer, base::Time now);

  const Sharing sharing_;
  dns::TtlPlaces places_;
};

}  // namespace worker

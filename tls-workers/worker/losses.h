// Queries that get no answer: those under way on a session that ends, and those that are overdue.
#pragma once

#include <vector>

#include "dataplane/base/clock.h"
#include "tls-workers/questions/progress.h"
#include "tls-workers/sessions/session.h"
#include "tls-workers/worker/backend_events.h"

namespace worker {

class Losses {
 public:
  /// What it borrows outlives it.
  Losses(BackendEvents& events, questions::Progress& progress)
      : events_(events), progress_(progress) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// `session` has a fault: what was under way on it moves on, and it is closed.
  void take_end(sessions::Session& session, base::Time now);
  /// Queries that have waited for long enough are put to another backend as well. What they are
  /// answered is taken all the same: the first answer to a name may well take a resolver longer.
  /// True if the session as a whole is silent: another one is to take over.
  bool take_overdue(sessions::Session& session, base::Time now);

 private:
  BackendEvents& events_;
  questions::Progress& progress_;
  // Scratch, so that a turn allocates nothing.
  std::vector<sessions::Asked> lost_;
  std::vector<sessions::Session::Overdue> overdue_;
};

}  // namespace worker

// What a worker's queries and sessions meet, and what that means for the backend: counters, health
// checks, what the operator is told. Of questions it knows nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/protocol.h"
#include "tls-workers/backends/fault.h"
#include "tls-workers/backends/rotation.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/sessions/health_checks.h"
#include "tls-workers/sessions/session.h"
#include "tls-workers/worker/notices.h"

namespace worker {

class BackendEvents {
 public:
  /// What it borrows outlives it.
  BackendEvents(sessions::Backends& backends, sessions::Checks& checks, Notices& notices)
      : backends_(backends), checks_(checks), notices_(notices) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// Before anything else, and whenever there are more: the highest number is below `numbers`.
  void make_room(size_t numbers);

  /// An answer has come on `session`, whatever it says: a sign of life.
  void answered(const sessions::Session& session, const sessions::Asked& asked, dns::Rcode rcode,
                base::Time now);
  /// The answer says that the backend cannot or will not answer.
  void refused(uint32_t backend, backends::Failure how) {
    backends_[backend].counters().failures[how].add();
  }
  /// What came for `asked` is no answer to it.
  void mistaken(uint32_t backend, const sessions::Asked& asked, backends::Failure how);
  /// One query has failed, and its session goes on.
  void failed(uint32_t backend, const backends::Fault& fault, base::Time now);
  /// `asked` has ended without an answer, or its session has.
  void lost(uint32_t backend, const sessions::Asked& asked, backends::Failure why, base::Time now);
  /// `asked` has not been answered in time.
  void overdue(uint32_t backend, const sessions::Asked& asked, base::Time now);
  /// A session has brought nothing since then.
  void fell_silent(uint32_t backend, base::Time since, base::Time now);
  /// `session` has a fault and is about to be closed, with `lost` queries that waited.
  void ended(const sessions::Session& session, uint32_t lost, base::Time now);
  /// The backend went out of rotation, or has come back.
  void rotated(uint32_t backend, backends::Rotation::Change change, base::Time now);

 private:
  void complain(Severity severity, uint32_t backend, const std::string& text, base::Time now);
  void say(Severity severity, uint32_t backend, const std::string& text, base::Time now);

  sessions::Backends& backends_;
  sessions::Checks& checks_;
  Notices& notices_;
  std::vector<bool> complained_;  // By backend: the operator was told that it fails.
};

}  // namespace worker

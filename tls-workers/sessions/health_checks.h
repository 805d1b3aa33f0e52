// One worker's part in health checks: it tells the rotation what its queries met, and sends the
// checks that fall to it, over the same sessions, padded like any query. RFC 8467.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/answer.h"
#include "tls-workers/backends/rotation.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/sessions/inflight.h"

namespace sessions {

class Checks {
 public:
  using Changed = std::function<void(uint32_t backend, backends::Rotation::Change change)>;
  /// `backends` outlive it. `changed`: called when a backend goes out of rotation or comes back and
  /// this worker brought that about.
  Checks(Backends& backends, Changed changed) : backends_(backends), changed_(std::move(changed)) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// Another backend has this number from now on, or none.
  void forget(uint32_t backend);
  /// A query of `backend` met that. Passed on by `tend`.
  void note(uint32_t backend, const Asked& asked, backends::Sample what) {
    met_[backend].note({what, asked.source, asked.at});
  }
  /// A session to `backend` could not be opened, or fell silent as a whole.
  void unreachable(uint32_t backend, backends::Failure why, base::Time now);
  /// The answer to a check, ...
  void heard(uint32_t backend, const Asked& asked, base::ByteView message, base::Time now);
  /// ... or its end without one.
  void lost(uint32_t backend, const Asked& asked, backends::Failure why, base::Time now);
  /// Passes on what was noted; begins, sends and gives up checks. Once a turn, before sessions are
  /// flushed.
  void tend(base::Time now);

  [[nodiscard]] base::Time next_deadline();

 private:
  struct Check {
    bool running = false;
    bool sent = false;
    uint32_t number = 0;
    base::Time deadline;
    dns::Question question;
  };

  [[nodiscard]] bool is_current(uint32_t backend, const Asked& asked) const;
  void begin(uint32_t backend, base::Time now);
  void send(uint32_t backend, base::Time now);
  void end(uint32_t backend, std::optional<backends::Failure> failed, base::Time now);

  [[nodiscard]] backends::Rotation& rotation(uint32_t backend) {
    return backends_[backend].rotation();
  }

  Backends& backends_;
  Changed changed_;
  std::vector<backends::Met> met_;  // By backend, like the next.
  std::vector<Check> checks_;
  dns::TtlPlaces places_;
};

}  // namespace sessions

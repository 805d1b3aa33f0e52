// NXDOMAIN cut: if a name is known to be missing, what lies below it is missing too, and is told so
// without asking. RFC 8020. Only if the operator wants that.
#pragma once

#include "dataplane/base/clock.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/fills.h"

namespace questions {

class NxdomainCut {
 public:
  /// What it borrows outlives it.
  NxdomainCut(const Pools& pools, Fills& fills, WorkerCounters& counters)
      : pools_(pools), fills_(fills), counters_(counters) {}

  /// Whether a name above the question's is known to be missing. If so, its Fill has been sent:
  /// NXDOMAIN without records. RFC 8020 §2. The worker's thread, at the turn's `now`.
  [[nodiscard]] bool tell_missing(const exchange::Miss& miss, const Asker& asker, base::Time now);

 private:
  const Pools& pools_;
  Fills& fills_;
  WorkerCounters& counters_;
};

}  // namespace questions

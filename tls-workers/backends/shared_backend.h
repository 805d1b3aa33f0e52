// One backend as all threads share it: what it was configured to be, whether it is in rotation, how
// much it may be asked, and what each worker counts and records about it.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/backend_report.h"
#include "tls-workers/backends/query_budget.h"
#include "tls-workers/backends/rotation.h"

namespace backends {

/// What one worker writes about one backend; any thread may read.
struct BackendLedger {
  BackendCounters counters;
  BackendRecord record;
};

struct SharedBackend {
  SharedBackend(BackendSettings what, unsigned workers, base::Time now)
      : settings(std::move(what)),
        rotation(settings.health, now),
        budget(settings.queries_per_second),
        ledgers(workers) {}

  /// What the workers know of it, the latest of each.
  [[nodiscard]] BackendReport report() const {
    std::vector<const BackendRecord*> records;
    for (const BackendLedger& ledger : ledgers) records.push_back(&ledger.record);
    return latest(records);
  }
  /// Whether it answers, or has not been shown not to. Being out of rotation is not enough: with
  /// all of a pool out, all are tried.
  [[nodiscard]] bool can_answer(base::Time now) const {
    if (rotation.barred()) return false;
    if (!rotation.up()) return rotation.answered_within(Evidence::kLife, now);
    if (!rotation.judged()) return up();
    return std::ranges::any_of(ledgers, [](const BackendLedger& ledger) {
      return ledger.counters.handshakes_full.read() + ledger.counters.handshakes_resumed.read() > 0;
    });
  }
  /// Whether a worker would give it a query now.
  [[nodiscard]] bool up() const {
    if (!rotation.up()) return false;
    for (const BackendLedger& ledger : ledgers) {
      if (ledger.counters.up.read() != 0) return true;
    }
    return false;
  }

  const BackendSettings settings;  // As its sessions have them.
  Rotation rotation;
  QueryBudget budget;
  std::deque<BackendLedger> ledgers;  // By worker.
};

}  // namespace backends

// The way back to the askers: one Fill for one Miss, on the ring of the core that sent it.
#pragma once

#include <cstdint>

#include "dataplane/base/clock.h"
#include "dataplane/cache/entry.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/questions.h"

namespace questions {

class Fills {
 public:
  /// `worker`: its number, which says what lanes are its. What it borrows outlives it.
  Fills(unsigned worker, exchange::Exchange& exchange, Questions& questions,
        WorkerCounters& counters)
      : worker_(worker), exchange_(exchange), questions_(questions), counters_(counters) {}

  // All of these: the worker's thread. `entry`: nullptr for a failure, which `ede` explains; each
  // Fill that names it gets a pin of its own.

  /// To one asker, which is not on any question's list; none if its Miss wants no Fill.
  void fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede);
  /// To one asker: its name is missing. NXDOMAIN without records.
  void deny(const Asker& asker);
  /// To all askers of `question`, which has none afterwards.
  void fill_all(OpenQuestion& question, const cache::Entry* entry, dns::Ede ede);
  /// To those that wanted to hear by `now`.
  void fill_overdue(OpenQuestion& question, const cache::Entry* entry, dns::Ede ede,
                    base::Time now);
  /// After the last Fill of a turn: cores look by themselves, other workers' frontends may sleep.
  void wake_frontends();

 private:
  void push(const Asker& asker, const exchange::Fill& message);

  const unsigned worker_;
  exchange::Exchange& exchange_;
  Questions& questions_;
  WorkerCounters& counters_;
  uint64_t frontends_to_wake_ = 0;  // Bit per worker whose frontend got a Fill.
};

}  // namespace questions

// What each poll core and each worker's stream frontend counts about clients.
#pragma once

#include <array>

#include "dataplane/base/counters.h"
#include "dataplane/base/histogram.h"
#include "dataplane/rules/outcome.h"
#include "dataplane/rules/transport.h"

namespace rules {

inline constexpr unsigned kMaxCaches = 64;  // Hits and misses are counted for that many.

/// Written by one thread, read by the thread that scrapes.
struct ClientCounters {
  base::Counters<Transport> queries;
  base::Counters<Outcome> replies;
  std::array<base::Histogram, static_cast<size_t>(Outcome::Count_)> reply_duration;
  base::Counters<Drop> dropped;
  struct PerCache {
    base::Counter hits;
    base::Counter misses;
  };
  std::array<PerCache, kMaxCaches> caches;  // By the cache's number.
  base::Counter parked;                     // Gauge: askers waiting now.
  base::Counter merged;                     // Askers that joined a question already on its way.
  // Queries answered SERVFAIL at once, because ...
  base::Counter parked_full;  // ... no more askers or questions can be parked,
  base::Counter client_full;  // ... this client has as many askers parked as one client may have,
  base::Counter miss_ring_full;   // ... the worker's ring was full.
  base::Counter prefetches_left;  // Prefetches not sent: the worker has enough to do.
  base::Counter rate_limited;     // Replies over the rate limit, whatever became of them.
  base::Counter late_fills;       // Fills for a question whose askers had all been told SERVFAIL.
};

}  // namespace rules

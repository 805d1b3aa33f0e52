// What has happened between two looks at the status, for each second of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/status/status.h"
#include "control/text/durations.h"

namespace control {

struct Rates {
  struct Backend {
    double queries = 0;
    double failures = 0;  // All classes.
    Durations durations;  // Of the answers since.
  };
  struct Cache {
    double hits = 0;
    double misses = 0;
    double evictions = 0;
  };
  double queries = 0;
  double dropped = 0;
  std::vector<std::pair<std::string, double>> replies;  // By outcome.
  Durations reply_durations;
  std::vector<std::optional<double>> busy;  // By core: the share that was.
  std::vector<Backend> backends;            // In the order of the later look.
  std::vector<Cache> caches;                // The same.
};

/// Backends and caches are found by name; a new one counts from 0. Nothing if the looks are of
/// different processes, or no time passed between them.
[[nodiscard]] std::optional<Rates> rates_between(const Status& before, const Status& now);

}  // namespace control

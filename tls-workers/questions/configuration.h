// What all workers go by: the backends and the pools. Immutable; a reload makes another one, which
// each worker takes up between two turns.
#pragma once

#include <memory>
#include <vector>

#include "tls-workers/questions/settlement.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/shared_backend.h"

namespace questions {

struct Configuration {
  struct Backend {
    /// Where it may differ from `shared->settings` without its sessions noticing
    /// (BackendSettings::needs_other_sessions), this counts.
    backends::BackendSettings settings;
    std::shared_ptr<backends::SharedBackend> shared;  // Nullptr: the number is free.
  };
  std::vector<Backend> backends;    // By the backend's number, which stays its own.
  std::vector<PoolSettings> pools;  // By dns::PoolId.
  bool hedging = false;  // A query that takes longer than usual goes to a second backend too.
};

}  // namespace questions

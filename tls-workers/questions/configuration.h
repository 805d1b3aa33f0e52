// What all workers go by: the backends and the pools. Immutable; a reload makes another one, which
// each worker takes up between two turns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/assert.h"
#include "dataplane/cache/cache.h"
#include "dataplane/dns/answer.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/policy.h"
#include "tls-workers/backends/shared_backend.h"

namespace questions {

/// How a pool's backends are chosen, what its answers are kept in, and for how long. Index of the
/// pool = dns::PoolId.
struct PoolSettings {
  std::string name;
  backends::PolicySettings policy;
  cache::Cache* cache = nullptr;  // nullptr: this pool's answers are not kept.
  dns::LifetimeLimits limits;
  cache::Staleness staleness;
  bool prefetch = true;       // Answers in demand are fetched anew before they expire.
  bool nxdomain_cut = false;  // What lies below a missing name is missing too. RFC 8020.
};

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

/// The pools of the configuration that a worker goes by now.
class Pools {
 public:
  /// Before anything is looked up, and whenever they have changed. They live until the next call.
  void use(const std::vector<PoolSettings>& pools) { pools_ = &pools; }
  [[nodiscard]] const PoolSettings& of(const dns::Question& question) const {
    const auto index = static_cast<size_t>(question.pool);
    ASSERT(index < pools_->size());
    return (*pools_)[index];
  }

 private:
  const std::vector<PoolSettings>* pools_ = nullptr;
};

}  // namespace questions

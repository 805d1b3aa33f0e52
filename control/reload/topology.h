// What a reload may change while everything runs: backends, pools, packet caches, and the rules by
// which cores and fronts serve, certificates among them. Who is in it keeps his number; who leaves
// stays for a while, until whatever was under way with him is done.
//
// The order of a reload is what keeps every question answered: workers first, who then know the old
// and the new; then the cores and the workers' fronts, which from then on ask for the new alone;
// last, when the longest wait of a client is over, the old goes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/text/numbers.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/result.h"
#include "dataplane/cache/cache.h"
#include "dataplane/cache/reclaim.h"
#include "dataplane/poll/rules.h"
#include "tls-workers/frontend/rules.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/server_tls/ticket_keys.h"
#include "tls-workers/worker/worker.h"

namespace control {

class Topology {
 public:
  using Workers = std::vector<std::unique_ptr<worker::Worker>>;

  /// What no configuration changes. `ports`: those of the start.
  struct Frame {
    unsigned workers = 1;
    std::vector<poll::PortAccess> ports;
    cache::Readers& readers;
  };

  /// Throws std::runtime_error if there is no memory for a cache.
  Topology(Frame frame, const Config& config);
  /// Cores and workers have stopped by then.
  ~Topology();
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  // All of these: the control thread.

  /// Goes over to `config`; returns when `workers` and cores have. Fails with what stands in the
  /// way; then all is as before.
  [[nodiscard]] base::Result<void, std::string> reload(const Config& config, Workers& workers);
  /// Has the cores go over to other ports.
  void set_ports(std::vector<poll::PortAccess> ports);
  /// Whether no core looks at anything any more that was replaced.
  [[nodiscard]] bool cores_have_gone_over();
  /// Lets those go who have left for long enough. About once a second.
  void tick(Workers& workers, base::Time now);

  /// What workers start with.
  [[nodiscard]] std::shared_ptr<const questions::Configuration> configuration() const;
  [[nodiscard]] const poll::PublishedRules& rules() const { return published_; }
  /// For the workers' fronts; its binds are the configuration's, in their order.
  [[nodiscard]] const frontend::PublishedRules& front_rules() const { return front_published_; }

  struct NumberedCache {
    size_t index;  // Of poll::CoreCounters::caches.
    std::shared_ptr<cache::Cache> cache;
  };
  /// In the order of the configuration, without those who are leaving.
  [[nodiscard]] const std::vector<NumberedCache>& caches() const { return state_.caches; }
  [[nodiscard]] std::vector<questions::Configuration::Backend> backends() const;
  /// For what is taken out of a cache by the control thread.
  [[nodiscard]] cache::Reclaim& reclaim() { return reclaim_; }

  /// Longer than any client waits, and than any query is under way.
  static constexpr base::seconds kFarewell{5};
  /// Backends at once, those that are leaving included.
  static constexpr size_t kMaxBackendNumbers = 4 * kMaxBackends;

 private:
  struct Backend {
    backends::BackendSettings settings;               // Pools by their stable numbers.
    std::shared_ptr<backends::SharedBackend> shared;  // Nullptr: the number is free.
    std::string trust;  // A digest of the authorities it was made with.
    std::optional<base::Time> leaves;
  };
  struct Pool {
    questions::PoolSettings settings;
    std::shared_ptr<cache::Cache> cache;  // Holds what `settings` points to.
    std::optional<base::Time> leaves;
  };
  /// All that a reload replaces; a value, so that a reload that fails has changed nothing.
  struct State {
    Numbers pool_numbers{dns::kMaxPools};
    Numbers cache_numbers{rules::kMaxCaches};
    std::vector<NumberedCache> caches;
    std::vector<Backend> backends;  // By number.
    std::vector<uint32_t> order;    // Their numbers as the configuration lists them.
    std::vector<Pool> pools;        // By number.
    bool hedging = false;
    rules::LocalNameSet local_names;
  };
  class Trust;

  [[nodiscard]] State next_state(const Config& config, base::Time now) const;
  static void take_caches(const Config& config, const State& before, State& next);
  static void take_pools(const Config& config, base::Time now, State& next);
  void take_backends(const Config& config, base::Time now, State& next) const;
  static void carry_words(const State& before, const State& next, base::Time now);
  [[nodiscard]] static dns::PoolId id_of(const control::Pool& pool, State& state);
  /// By which clients are served, over UDP and over streams.
  struct ServingRules {
    std::unique_ptr<const poll::Rules> cores;
    std::unique_ptr<const frontend::Rules> fronts;
  };
  /// Throws std::runtime_error if OpenSSL does not take what clients are to be shown.
  [[nodiscard]] ServingRules make_rules(const Config& config, State& state);
  [[nodiscard]] frontend::Place place_of(const Bind& bind);
  [[nodiscard]] static std::shared_ptr<const questions::Configuration> configuration_of(
      const State& state);
  [[nodiscard]] base::Result<void, std::string> bring_workers(const State& next, Workers& workers);
  void publish(ServingRules rules);
  void retire(ServingRules rules);
  void forget_local(const rules::LocalNameSet& kinds);
  void let_go(Workers& workers, base::Time now);
  void clear_abandoned(const Workers& workers, base::Time now);

  Frame frame_;
  const rules::CookieSecret drawn_secret_;  // Of this process alone, if the operator has none.
  State state_;
  server_tls::TicketKeys ticket_keys_;
  ServingRules rules_;
  poll::PublishedRules published_{nullptr};
  frontend::PublishedRules front_published_{nullptr};
  /// Rules and caches that somebody may still look at.
  struct OldRules {
    ServingRules rules;
    uint64_t token;
  };
  std::vector<OldRules> old_rules_;
  struct OldCache {
    std::shared_ptr<cache::Cache> cache;
    base::Time until;
  };
  std::vector<OldCache> old_caches_;
  cache::Reclaim reclaim_;
};

}  // namespace control

#include "control/reload/topology.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

#include "control/config/domains.h"
#include "control/reload/memory_estimate.h"
#include "tls-workers/transport/trust_store.h"

namespace control {
namespace {

/// How long a worker or a core may take to go over; they turn a thousand times in it.
constexpr base::seconds kPatience{2};
constexpr base::Duration kLook = base::microseconds{100};

/// Whether `done` comes true in time. Looks seldom: this is the control thread.
template <typename Done>
bool wait_for(Done done) {
  const base::Time end = base::Clock::now() + kPatience;
  while (!done()) {
    if (base::Clock::now() > end) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

template <typename Kind>
size_t number_of(Numbers& numbers, const std::string& name, Kind kind) {
  const std::optional<size_t> number = numbers.of(name);
  if (number) return *number;
  throw std::runtime_error(
      fmt::format("{} \"{}\": too many names have been used for {}s since the start; restart", kind,
                  name, kind));
}

std::shared_ptr<cache::Cache> make_cache(const PacketCache& settings) {
  std::shared_ptr<cache::Cache> made = cache::Cache::create(settings.name, settings.size);
  if (made != nullptr) return made;
  throw std::runtime_error(fmt::format("packet cache \"{}\": no memory for a table of {} entries{}",
                                       settings.name, settings.size, memory_left()));
}

rules::CookieSecret draw_secret() {
  rules::CookieSecret secret;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), sizeof secret) != 1)
    throw std::runtime_error("no random octets for the secret of cookies");
  return secret;
}

rules::Cookies cookies_of(const CookieSettings& settings, const rules::CookieSecret& drawn) {
  if (!settings.enabled) return {};
  const std::span<const rules::CookieSecret> secrets =
      settings.secrets.empty() ? std::span(&drawn, 1) : std::span(settings.secrets);
  return {secrets, settings.require_server_cookie ? rules::Cookies::Demand::Yes
                                                  : rules::Cookies::Demand::No};
}

bool contains(const std::vector<dns::PoolId>& pools, dns::PoolId pool) {
  return std::ranges::find(pools, pool) != pools.end();
}

}  // namespace

/// Digests of trust stores, each read once in a reload.
class Topology::Trust {
 public:
  /// Empty if the store cannot be read.
  const std::string& of(const backends::BackendSettings& backend) {
    const auto known = digests_.find(backend.ca_store);
    if (known != digests_.end()) return known->second;
    const std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
    if (store == nullptr) throw std::runtime_error("out of memory");
    return digests_.emplace(backend.ca_store, transport::load_trust(store.get(), backend.ca_store))
        .first->second;
  }

 private:
  struct FreeStore {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  };
  std::map<std::string, std::string> digests_;
};

Topology::Topology(Frame frame, const Config& config)
    : frame_(std::move(frame)), drawn_secret_(draw_secret()), reclaim_(frame_.readers) {
  state_ = next_state(config, base::Clock::now());
  rules_ = make_rules(config, state_);
  published_ = rules_.cores.get();
  front_published_ = rules_.fronts.get();
}

Topology::~Topology() = default;

std::shared_ptr<const questions::Configuration> Topology::configuration() const {
  return configuration_of(state_);
}

std::vector<questions::Configuration::Backend> Topology::backends() const {
  std::vector<questions::Configuration::Backend> backends;
  for (const uint32_t number : state_.order) {
    const Backend& backend = state_.backends[number];
    backends.push_back({backend.settings, backend.shared});
  }
  return backends;
}

// ---------------------------------------------------------------- what comes

Topology::State Topology::next_state(const Config& config, base::Time now) const {
  State next = state_;
  take_caches(config, state_, next);
  take_pools(config, now, next);
  take_backends(config, now, next);
  next.hedging = config.tls_workers.hedging;
  next.local_names = config.local_names;
  return next;
}

/// A cache of the same name and size goes on with what is in it.
void Topology::take_caches(const Config& config, const State& before, State& next) {
  next.caches.clear();
  for (const PacketCache& settings : config.packet_caches) {
    const size_t index = number_of(next.cache_numbers, settings.name, "packet cache");
    const auto same = std::ranges::find_if(before.caches, [&](const NumberedCache& known) {
      return known.index == index && known.cache->capacity() == settings.size;
    });
    next.caches.push_back(
        {index, same != before.caches.end() ? same->cache : make_cache(settings)});
  }
}

void Topology::take_pools(const Config& config, base::Time now, State& next) {
  for (Pool& pool : next.pools) {
    if (!pool.leaves) pool.leaves = now + kFarewell;
  }
  for (const control::Pool& settings : config.pools) {
    const size_t number = number_of(next.pool_numbers, settings.name, "pool");
    if (number >= next.pools.size()) next.pools.resize(number + 1);
    Pool pool{.settings = {.name = settings.name, .policy = settings.policy},
              .cache = nullptr,
              .leaves = {}};
    if (settings.packet_cache) {
      pool.cache = next.caches[*settings.packet_cache].cache;
      pool.settings.cache = pool.cache.get();
      const PacketCache& cache = config.packet_caches[*settings.packet_cache];
      pool.settings.limits = cache.limits;
      pool.settings.staleness = cache.staleness;
      pool.settings.prefetch = cache.prefetch;
      pool.settings.nxdomain_cut = cache.nxdomain_cut;
    }
    next.pools[number] = std::move(pool);
  }
}

void Topology::take_backends(const Config& config, base::Time now, State& next) const {
  std::vector<Backend>& backends = next.backends;
  for (Backend& backend : backends) {
    if (backend.shared != nullptr && !backend.leaves) backend.leaves = now + kFarewell;
    // Who goes on serving a pool that leaves may still be asked for it.
    std::erase_if(backend.settings.pools,
                  [&](dns::PoolId pool) { return !next.pools[static_cast<size_t>(pool)].leaves; });
  }
  next.order.clear();
  Trust trust;
  for (backends::BackendSettings settings : config.backends) {
    for (dns::PoolId& pool : settings.pools)
      pool = id_of(config.pools[static_cast<size_t>(pool)], next);
    const std::string& digest = trust.of(settings);
    const auto same = std::ranges::find_if(backends, [&](const Backend& known) {
      return known.shared != nullptr && known.trust == digest &&
             !known.shared->settings.needs_other_sessions(settings);
    });
    if (same != backends.end()) {
      const std::vector<dns::PoolId> leaving = same->settings.pools;
      same->settings = settings;
      for (const dns::PoolId pool : leaving) {
        if (!contains(settings.pools, pool)) same->settings.pools.push_back(pool);
      }
      same->leaves.reset();
      next.order.push_back(static_cast<uint32_t>(same - backends.begin()));
      continue;
    }
    auto free = std::ranges::find_if(backends,
                                     [](const Backend& known) { return known.shared == nullptr; });
    if (free == backends.end()) {
      if (backends.size() == kMaxBackendNumbers)
        throw std::runtime_error("too many backends are still leaving; try again in 5 seconds");
      free = backends.emplace(backends.end());
    }
    *free = {.settings = settings,
             .shared = std::make_shared<backends::SharedBackend>(settings, frame_.workers, now),
             .trust = digest,
             .leaves = {}};
    next.order.push_back(static_cast<uint32_t>(free - backends.begin()));
  }
}

/// What the operator has said of a backend holds for whoever has its name now.
void Topology::carry_words(const State& before, const State& next, base::Time now) {
  for (const uint32_t number : next.order) {
    const Backend& backend = next.backends[number];
    for (const uint32_t other : before.order) {
      const Backend& known = before.backends[other];
      if (known.settings.name != backend.settings.name) continue;
      const backends::Rotation::Override word = known.shared->rotation.current_override();
      if (word != backend.shared->rotation.current_override())
        (void)backend.shared->rotation.set_override(word, now);
    }
  }
}

/// It has one: its pool was taken.
dns::PoolId Topology::id_of(const control::Pool& pool, State& state) {
  return dns::PoolId{static_cast<uint8_t>(*state.pool_numbers.of(pool.name))};
}

Topology::ServingRules Topology::make_rules(const Config& config, State& state) {
  const auto destination = [&](dns::PoolId id) {
    const control::Pool& pool = config.pools[static_cast<size_t>(id)];
    rules::Destination made{.pool = id_of(pool, state)};
    if (!pool.packet_cache) return made;
    const NumberedCache& numbered = state.caches[*pool.packet_cache];
    made.cache = numbered.cache.get();
    made.cache_index = static_cast<uint16_t>(numbered.index);
    made.staleness = config.packet_caches[*pool.packet_cache].staleness;
    return made;
  };
  rules::Policy over_udp;
  over_udp.routes = routes_of(config, destination);
  over_udp.acl = rules::AddressSet(config.acl);
  over_udp.local = rules::LocalNames(config.local_names);
  over_udp.cookies = cookies_of(config.cookies, drawn_secret_);
  over_udp.rate_limit = config.rate_limit;
  auto fronts = std::make_unique<frontend::Rules>();
  fronts->policy = over_udp;
  fronts->limits = config.stream_limits;
  for (const Bind& bind : config.binds) {
    const rules::Bind made{.address = bind.address, .to = destination(bind.pool)};
    if (bind.protocol == Protocol::Do53) over_udp.binds.push_back(made);
    fronts->policy.binds.push_back(made);
    fronts->places.push_back(place_of(bind));
  }
  return {std::make_unique<poll::Rules>(std::move(over_udp), frame_.ports), std::move(fronts)};
}

frontend::Place Topology::place_of(const Bind& bind) {
  if (!bind.is_on()) return {.transport = rules::Transport::Dot, .is_off = true};
  const auto context = [&](const char* protocol) {
    return std::make_shared<server_tls::ServerContext>(*bind.tls, protocol, ticket_keys_);
  };
  switch (bind.protocol) {
    case Protocol::Do53:
      break;
    case Protocol::DoT:
      return {.transport = rules::Transport::Dot, .tls = context("dot")};
    case Protocol::DoH:
      return {.transport = rules::Transport::Doh,
              .tls = context("h2"),
              .paths = std::make_shared<const std::vector<std::string>>(bind.paths)};
  }
  return {.transport = rules::Transport::Tcp};
}

std::shared_ptr<const questions::Configuration> Topology::configuration_of(const State& state) {
  auto configuration = std::make_shared<questions::Configuration>();
  for (const Backend& backend : state.backends)
    configuration->backends.push_back({backend.settings, backend.shared});
  for (const Pool& pool : state.pools) configuration->pools.push_back(pool.settings);
  configuration->hedging = state.hedging;
  return configuration;
}

// ---------------------------------------------------------------- going over

base::Result<void, std::string> Topology::reload(const Config& config, Workers& workers) try {
  const base::Time now = base::Clock::now();
  State next = next_state(config, now);
  ServingRules rules = make_rules(config, next);
  carry_words(state_, next, now);
  if (auto brought = bring_workers(next, workers); !brought) return brought;
  for (const NumberedCache& known : state_.caches) {
    const bool stays = std::ranges::any_of(
        next.caches, [&](const NumberedCache& one) { return one.cache == known.cache; });
    if (!stays) old_caches_.push_back({known.cache, now + kFarewell});
  }
  const rules::LocalNameSet local_from_now = next.local_names & ~state_.local_names;
  state_ = std::move(next);
  publish(std::move(rules));
  if (local_from_now.any()) forget_local(local_from_now);
  return {};
} catch (const std::exception& fault) {
  return base::fail(std::string(fault.what()));
}

/// All of them go over, or none.
base::Result<void, std::string> Topology::bring_workers(const State& next, Workers& workers) {
  const auto give = [&](const std::shared_ptr<const questions::Configuration>& configuration) {
    std::vector<worker::ConfigUpdate> changes;
    for (const auto& worker : workers) changes.push_back(worker->prepare(configuration));
    for (size_t i = 0; i < workers.size(); ++i) workers[i]->adopt(std::move(changes[i]));
  };
  give(configuration_of(next));
  for (size_t i = 0; i < workers.size(); ++i) {
    if (wait_for([&] { return workers[i]->adopted(); })) continue;
    give(configuration_of(state_));
    return base::fail(fmt::format("TLS worker {} does not move", i));
  }
  return {};
}

void Topology::publish(ServingRules rules) {
  published_.store(rules.cores.get(), std::memory_order_release);
  front_published_.store(rules.fronts.get(), std::memory_order_release);
  retire(std::exchange(rules_, std::move(rules)));
}

void Topology::set_ports(std::vector<poll::PortAccess> ports) {
  frame_.ports = std::move(ports);
  auto cores = std::make_unique<const poll::Rules>(rules_.cores->policy, frame_.ports);
  published_.store(cores.get(), std::memory_order_release);
  retire({.cores = std::exchange(rules_.cores, std::move(cores)), .fronts = nullptr});
}

/// Waits until nobody looks at it.
void Topology::retire(ServingRules rules) {
  const uint64_t token = frame_.readers.start();
  old_rules_.push_back({std::move(rules), token});
  // One that does not move is told of elsewhere; whatever it looks at is kept.
  (void)wait_for([&] { return frame_.readers.passed(token); });
}

/// What was heard of names that are answered here now. Cores look there only for what no cache has.
void Topology::forget_local(const rules::LocalNameSet& kinds) {
  const rules::LocalNames names(kinds);
  for (const NumberedCache& numbered : state_.caches) {
    (void)numbered.cache->flush_if(
        [&](const cache::Entry& entry) { return names.depth(entry.name()) > 0; }, reclaim_);
  }
}

// ---------------------------------------------------------------- what goes

bool Topology::cores_have_gone_over() {
  std::erase_if(old_rules_, [&](const OldRules& old) { return frame_.readers.passed(old.token); });
  return old_rules_.empty();
}

void Topology::tick(Workers& workers, base::Time now) {
  (void)cores_have_gone_over();
  let_go(workers, now);
  clear_abandoned(workers, now);
  for (uint64_t before = 0; before != reclaim_.waiting();) {
    before = reclaim_.waiting();
    reclaim_.collect();
  }
}

void Topology::let_go(Workers& workers, base::Time now) {
  const auto is_over = [now](const auto& one) { return one.leaves && *one.leaves <= now; };
  if (std::ranges::none_of(state_.backends, is_over) && std::ranges::none_of(state_.pools, is_over))
    return;
  State next = state_;
  for (size_t number = 0; number < next.pools.size(); ++number) {
    if (!is_over(next.pools[number])) continue;
    next.pools[number] = {.settings = {.name = next.pools[number].settings.name},
                          .cache = nullptr,
                          .leaves = base::Time::max()};
    for (Backend& backend : next.backends)
      std::erase(backend.settings.pools, dns::PoolId{static_cast<uint8_t>(number)});
  }
  for (Backend& backend : next.backends) {
    if (is_over(backend)) backend = {};
  }
  if (bring_workers(next, workers)) state_ = std::move(next);
}

/// Nobody asks for these caches any more; nobody puts anything into them.
void Topology::clear_abandoned(const Workers& workers, base::Time now) {
  const bool settled =
      std::ranges::all_of(workers, [](const auto& worker) { return worker->adopted(); });
  std::erase_if(old_caches_, [&](const OldCache& old) {
    if (!settled || !old_rules_.empty() || old.until > now) return false;
    const bool in_use = std::ranges::any_of(
        state_.pools, [&](const Pool& pool) { return pool.cache == old.cache; });
    if (in_use) return false;
    (void)old.cache->flush({}, reclaim_);
    return true;
  });
}

}  // namespace control

#include "control/config/fixed_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace control {
namespace {

class Keeper {
 public:
  template <typename Value>
  void keep(const char* name, const Value& running, Value& next) {
    if (running == next) return;
    kept_.push_back(fmt::format("{}: a change needs a restart, the running value stays", name));
    next = running;
  }
  void say(std::string line) { kept_.push_back(std::move(line)); }
  [[nodiscard]] std::vector<std::string> kept() && { return std::move(kept_); }

 private:
  std::vector<std::string> kept_;
};

void keep_dataplane(const Config& running, Config& next, Keeper& keeper) {
  const ports::EalSettings& now = running.eal;
  ports::EalSettings& then = next.eal;
  keeper.keep("dataplane.cores", now.cores, then.cores);
  keeper.keep("dataplane.memory", now.memory_megabytes, then.memory_megabytes);
  keeper.keep("dataplane.hugepages", now.hugepages, then.hugepages);
  keeper.keep("dataplane.idle", running.idle, next.idle);
  keeper.keep("dataplane.max_misses_per_client", running.max_misses_per_client,
              next.max_misses_per_client);
  keeper.keep("dataplane.ports", now.ports, then.ports);
}

void keep_workers(const TlsWorkers& running, TlsWorkers& next, Keeper& keeper) {
  keeper.keep("tls_workers.threads", running.threads, next.threads);
  keeper.keep("tls_workers.cpus", running.cpus, next.cpus);
  keeper.keep("tls_workers.sessions_per_backend", running.sessions_per_backend,
              next.sessions_per_backend);
}

std::optional<dns::PoolId> pool_of_name(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.pools, name, &Pool::name);
  if (found == config.pools.end()) return std::nullopt;
  return dns::PoolId{static_cast<uint8_t>(found - config.pools.begin())};
}

/// Addresses stay; what is answered there may change.
std::optional<std::string> keep_addresses(const Config& running, Config& next, Keeper& keeper) {
  std::vector<Bind> kept;
  const auto is_same = [](const Bind& one) {
    return [&one](const Bind& other) {
      return other.address == one.address && other.protocol == one.protocol;
    };
  };
  for (const Bind& bind : running.binds) {
    const auto same = std::ranges::find_if(next.binds, is_same(bind));
    if (same != next.binds.end()) {
      kept.push_back(*same);
      continue;
    }
    const std::string& name = running.pools[static_cast<size_t>(bind.pool)].name;
    const std::optional<dns::PoolId> pool = pool_of_name(next, name);
    if (!pool) {
      return fmt::format(
          "binds: {} needs a restart to go away, and its pool \"{}\" is gone already",
          bind.address.text(), name);
    }
    kept.push_back(bind);
    kept.back().pool = *pool;
    keeper.say(fmt::format("binds: {} needs a restart to go away", bind.address.text()));
  }
  for (const Bind& bind : next.binds) {
    if (std::ranges::none_of(running.binds, is_same(bind)))
      keeper.say(fmt::format("binds: {} needs a restart to answer", bind.address.text()));
  }
  next.binds = std::move(kept);
  next.eal.binds = running.eal.binds;
  return std::nullopt;
}

}  // namespace

base::Result<std::vector<std::string>, std::string> keep_fixed_settings(const Config& running,
                                                                        Config& next) {
  Keeper keeper;
  keep_dataplane(running, next, keeper);
  keep_workers(running.tls_workers, next.tls_workers, keeper);
  keeper.keep("tuning.tcp.listen_queue_size", running.stream_limits.listen_queue_size,
              next.stream_limits.listen_queue_size);
  keeper.keep("metrics.address", running.metrics_address, next.metrics_address);
  keeper.keep("control.socket", running.control_socket, next.control_socket);
  if (std::optional<std::string> fault = keep_addresses(running, next, keeper))
    return base::fail(std::move(*fault));
  return std::move(keeper).kept();
}

}  // namespace control

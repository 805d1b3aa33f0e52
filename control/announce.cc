#include "control/announce.h"

#include <fmt/format.h>
#include <rte_lcore.h>

#include <algorithm>
#include <optional>

#include "control/version.h"
#include "dataplane/poll/hit_path.h"

namespace control {
namespace {

/// How a backend is reached, in words.
std::string way_to(const tls::BackendSettings& backend) {
  const char* protocol = backend.protocol == tls::Protocol::DoH ? "over HTTPS" : "over TLS";
  if (!backend.socks5) return protocol;
  return fmt::format("{} through the proxy {}", protocol, backend.socks5->proxy.text());
}

/// How clients ask, in words.
const char* way_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::Do53:
      return "UDP and TCP";
    case Protocol::DoT:
      return "TLS";
    case Protocol::DoH:
      break;
  }
  return "HTTPS";
}

/// Memory of another node takes half as long again to reach, so whoever polls a port should be of
/// its node.
void announce_queue(const Config& config, const poll::Port& port, unsigned core, Log& log) {
  const int cpu_node = static_cast<int>(rte_lcore_to_socket_id(core + 1));
  const std::optional<int> port_node = port.numa_node();
  log.write(LogLevel::Info, fmt::format("port {}: queue {} polled by CPU {} (NUMA node {})",
                                        port.name(), core, config.eal.cores[core], cpu_node));
  if (!port_node || *port_node == cpu_node) return;
  log.write(
      LogLevel::Warning,
      fmt::format("port {}: it is on NUMA node {}, and CPU {} is not; choose cores of that node",
                  port.name(), *port_node, config.eal.cores[core]));
}

/// Things with names: which are new, gone, or not what they were.
template <typename Thing, typename Same, typename Tell>
void compare(const char* kind, const std::vector<Thing>& before, const std::vector<Thing>& after,
             Same same, Tell tell, std::vector<std::string>& lines) {
  for (const Thing& now : after) {
    const auto was = std::ranges::find(before, now.name, &Thing::name);
    if (was == before.end()) {
      lines.push_back(tell(now) + " (new)");
    } else if (!same(*was, now)) {
      lines.push_back(tell(now) + " (changed)");
    }
  }
  for (const Thing& was : before) {
    if (std::ranges::find(after, was.name, &Thing::name) == after.end())
      lines.push_back(fmt::format("{} {} is gone", kind, was.name.empty() ? "\"\"" : was.name));
  }
}

/// What a list of indices means, whatever their order in the file.
std::vector<std::string> names_of(const std::vector<dns::PoolId>& pools, const Config& config) {
  std::vector<std::string> names;
  for (const dns::PoolId pool : pools)
    names.push_back(config.pools[static_cast<size_t>(pool)].name);
  return names;
}

std::string cache_of(const Pool& pool, const Config& config) {
  return pool.packet_cache ? config.packet_caches[*pool.packet_cache].name : "";
}

}  // namespace

std::vector<std::string> changes_between(const Config& before, const Config& after) {
  std::vector<std::string> lines;
  compare(
      "backend", before.backends, after.backends,
      [&](tls::BackendSettings was, const tls::BackendSettings& now) {
        const bool same_pools = names_of(was.pools, before) == names_of(now.pools, after);
        was.pools = now.pools;
        return same_pools && was == now;
      },
      line_about, lines);
  compare(
      "pool", before.pools, after.pools,
      [&](const Pool& was, const Pool& now) {
        return cache_of(was, before) == cache_of(now, after) && was.policy == now.policy &&
               was.domains == now.domains;
      },
      [](const Pool& pool) { return fmt::format("pool \"{}\"", pool.name); }, lines);
  compare(
      "packet cache", before.packet_caches, after.packet_caches,
      [](const PacketCache& was, const PacketCache& now) {
        return was.size == now.size && was.limits == now.limits && was.staleness == now.staleness &&
               was.prefetch == now.prefetch && was.nxdomain_cut == now.nxdomain_cut;
      },
      [](const PacketCache& cache) {
        return fmt::format("packet cache {}: {} entries", cache.name, cache.size);
      },
      lines);
  for (size_t i = 0; i < after.binds.size(); ++i) {
    const std::string& was = before.pools[static_cast<size_t>(before.binds[i].pool)].name;
    const std::string& now = after.pools[static_cast<size_t>(after.binds[i].pool)].name;
    if (was == now) continue;
    lines.push_back(
        fmt::format("{} answers from pool \"{}\" now", after.binds[i].address.text(), now));
  }
  for (size_t i = 0; i < after.binds.size(); ++i) {
    if (before.binds[i].tls == after.binds[i].tls) continue;
    lines.push_back(
        fmt::format("{}: other certificates or settings of TLS", after.binds[i].address.text()));
  }
  for (size_t i = 0; i < after.binds.size(); ++i) {
    if (before.binds[i].paths != after.binds[i].paths)
      lines.push_back(fmt::format("{}: other paths", after.binds[i].address.text()));
  }
  if (before.stream_limits != after.stream_limits) lines.emplace_back("tuning.tcp: changed");
  if (before.acl != after.acl) lines.emplace_back("acl: changed");
  for (size_t i = 0; i < rules::kLocalNameSettings.size(); ++i) {
    if (before.local_names[i] == after.local_names[i]) continue;
    lines.push_back(fmt::format("local_names.{}: {}", rules::kLocalNameSettings[i],
                                after.local_names[i] ? "answered here" : "asked of backends"));
  }
  if (before.tls_workers.hedging != after.tls_workers.hedging)
    lines.push_back(fmt::format("hedging: {}", after.tls_workers.hedging ? "on" : "off"));
  if (before.log_level != after.log_level) lines.emplace_back("logging.level: changed");
  return lines;
}

std::string identity_of(const tls::BackendSettings& backend) {
  std::string subject =
      backend.subject_name.empty() ? backend.subject_address : backend.subject_name;
  if (backend.pins.empty()) return subject;
  const std::string keys = fmt::format("the owner of a pinned key (of {})", backend.pins.size());
  return subject.empty() ? keys : subject + " and " + keys;
}

std::string line_about(const tls::BackendSettings& backend) {
  return fmt::format("backend {}: {} {}, as {}", backend.name, backend.where(), way_to(backend),
                     identity_of(backend));
}

void announce_start(const Config& config, const Ports& ports, bool hugepages, Log& log) {
  log.write(LogLevel::Info, fmt::format("dotline {}: {} MB of memory, {}", version().dotline,
                                        config.eal.memory_megabytes,
                                        hugepages ? "in hugepages" : "without hugepages"));
  for (size_t i = 0; i < ports.size(); ++i) {
    for (unsigned core = 0; core < config.eal.cores.size(); ++core) {
      if (core >= config.eal.ports[i].queues) continue;
      announce_queue(config, ports.port(i), core, log);
    }
    if (const std::string& tap = config.eal.ports[i].tap; !tap.empty()) {
      log.write(LogLevel::Info,
                fmt::format("port {}: what is not ours goes to the kernel by tap:{}", ports.name(i),
                            tap));
    }
  }
  for (size_t i = 0; i < config.tls_workers.threads && !config.tls_workers.cpus.empty(); ++i) {
    log.write(LogLevel::Info,
              fmt::format("TLS worker {} runs on CPU {}", i,
                          config.tls_workers.cpus[i % config.tls_workers.cpus.size()]));
  }
  log.write(LogLevel::Info,
            fmt::format("cached answers take the {} path", poll::hit_paths().front().name));
  for (const Bind& bind : config.binds)
    log.write(LogLevel::Info,
              fmt::format("answering at {} over {}", bind.address.text(), way_of(bind.protocol)));
  for (const tls::BackendSettings& backend : config.backends)
    log.write(LogLevel::Info, line_about(backend));
  log.write(LogLevel::Info,
            fmt::format("metrics at http://{}/metrics", config.metrics_address.text()));
  if (!config.control_socket.empty())
    log.write(LogLevel::Info, fmt::format("commands at {}", config.control_socket));
}

}  // namespace control

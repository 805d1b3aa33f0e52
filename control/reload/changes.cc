#include "control/reload/changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>

#include "control/text/backend_text.h"

namespace control {
namespace {

using Lines = std::vector<std::string>;
using Names = std::vector<std::string_view>;

/// The member at the end of a path of them.
template <auto kFirst, auto... kRest, typename Thing>
const auto& member_of(const Thing& thing) {
  const auto& found = std::invoke(kFirst, thing);
  if constexpr (sizeof...(kRest) == 0) {
    return found;
  } else {
    return member_of<kRest...>(found);
  }
}

template <typename Thing>
struct Setting {
  std::string_view name;
  bool (*same)(const Thing&, const Thing&);
};

template <typename Thing, auto... kPath>
bool same(const Thing& a, const Thing& b) {
  return member_of<kPath...>(a) == member_of<kPath...>(b);
}

template <rules::ReplyKind kKind>
bool same_rate(const Config& a, const Config& b) {
  return a.rate_limit.limit_of(kKind) == b.rate_limit.limit_of(kKind);
}

using Backend = backends::BackendSettings;
using Health = backends::HealthSettings;
using Lazy = backends::HealthSettings::Lazy;

constexpr Setting<Config> kSettings[] = {
    {"strict_start", same<Config, &Config::strict_start>},
    {"acl", same<Config, &Config::acl>},
    {"cookies.enabled", same<Config, &Config::cookies, &CookieSettings::enabled>},
    {"cookies.require_server_cookie",
     same<Config, &Config::cookies, &CookieSettings::require_server_cookie>},
    {"cookies.secret_file (or what is in it)",
     same<Config, &Config::cookies, &CookieSettings::secrets>},
    {"rate_limit.responses_per_second", same_rate<rules::ReplyKind::Answer>},
    {"rate_limit.nxdomains_per_second", same_rate<rules::ReplyKind::NxDomain>},
    {"rate_limit.errors_per_second", same_rate<rules::ReplyKind::Error>},
    {"rate_limit.slip", same<Config, &Config::rate_limit, &rules::RateLimit::slip>},
    {"rate_limit.ipv4_prefix_length",
     same<Config, &Config::rate_limit, &rules::RateLimit::ipv4_prefix_length>},
    {"rate_limit.ipv6_prefix_length",
     same<Config, &Config::rate_limit, &rules::RateLimit::ipv6_prefix_length>},
    {"rate_limit.log_only", same<Config, &Config::rate_limit, &rules::RateLimit::log_only>},
    {"rate_limit.exempt", same<Config, &Config::rate_limit_exempt>},
    {"tls_workers.hedging", same<Config, &Config::tls_workers, &TlsWorkers::hedging>},
    {"logging.level", same<Config, &Config::log_level>},
};

constexpr Setting<frontend::Limits> kStreamLimits[] = {
    {"max_concurrent_connections",
     same<frontend::Limits, &frontend::Limits::max_concurrent_connections>},
    {"max_connections_per_client",
     same<frontend::Limits, &frontend::Limits::max_connections_per_client>},
    {"max_queries_per_connection",
     same<frontend::Limits, &frontend::Limits::max_queries_per_connection>},
    {"max_in_flight_queries", same<frontend::Limits, &frontend::Limits::max_in_flight_queries>},
    {"max_connection_duration", same<frontend::Limits, &frontend::Limits::max_connection_duration>},
    {"idle_timeout", same<frontend::Limits, &frontend::Limits::idle_timeout>},
    {"connections_overload_threshold",
     same<frontend::Limits, &frontend::Limits::connections_overload_threshold>},
    {"receive_timeout", same<frontend::Limits, &frontend::Limits::receive_timeout>},
    {"send_timeout", same<frontend::Limits, &frontend::Limits::send_timeout>},
};

constexpr Setting<PacketCache> kOfCaches[] = {
    {"size", same<PacketCache, &PacketCache::size>},
    {"max_ttl", same<PacketCache, &PacketCache::limits, &dns::LifetimeLimits::max_ttl>},
    {"min_ttl", same<PacketCache, &PacketCache::limits, &dns::LifetimeLimits::min_ttl>},
    {"max_negative_ttl",
     same<PacketCache, &PacketCache::limits, &dns::LifetimeLimits::max_negative_ttl>},
    {"temporary_failure_ttl",
     same<PacketCache, &PacketCache::limits, &dns::LifetimeLimits::temporary_failure_ttl>},
    {"max_stale", same<PacketCache, &PacketCache::staleness, &cache::Staleness::max_stale>},
    {"stale_ttl", same<PacketCache, &PacketCache::staleness, &cache::Staleness::stale_ttl>},
    {"prefetch", same<PacketCache, &PacketCache::prefetch>},
    {"nxdomain_cut", same<PacketCache, &PacketCache::nxdomain_cut>},
};

constexpr Setting<Pool> kOfPools[] = {
    {"policy", same<Pool, &Pool::policy, &backends::PolicySettings::policy>},
    {"balancing_factor", same<Pool, &Pool::policy, &backends::PolicySettings::balancing_factor>},
    {"domains", same<Pool, &Pool::domains>},
};

constexpr Setting<Backend> kOfBackends[] = {
    {"address", same<Backend, &Backend::address>},
    {"address", same<Backend, &Backend::host>},
    {"protocol", same<Backend, &Backend::protocol>},
    {"socks5", same<Backend, &Backend::socks5>},
    {"doh.path", same<Backend, &Backend::path>},
    {"tls.subject_name", same<Backend, &Backend::subject_name>},
    {"tls.subject_address", same<Backend, &Backend::subject_address>},
    {"tls.pins", same<Backend, &Backend::pins>},
    {"tls.ca_store", same<Backend, &Backend::ca_store>},
    {"tls.ciphers", same<Backend, &Backend::tls, &backends::TlsSettings::ciphers>},
    {"tls.ciphers_tls_13", same<Backend, &Backend::tls, &backends::TlsSettings::ciphers_tls_13>},
    {"tls.ecdhe_curves", same<Backend, &Backend::tls, &backends::TlsSettings::ecdhe_curves>},
    {"tls.min_version", same<Backend, &Backend::tls, &backends::TlsSettings::min_version>},
    {"tls.key_log_file", same<Backend, &Backend::tls, &backends::TlsSettings::key_log_file>},
    {"order", same<Backend, &Backend::order>},
    {"weight", same<Backend, &Backend::weight>},
    {"queries_per_second", same<Backend, &Backend::queries_per_second>},
    {"max_in_flight", same<Backend, &Backend::max_in_flight>},
    {"query_timeout", same<Backend, &Backend::query_timeout>},
    {"idle_timeout", same<Backend, &Backend::idle_timeout>},
    {"health_checks.mode", same<Backend, &Backend::health, &Health::mode>},
    {"health_checks.qname", same<Backend, &Backend::health, &Health::qname>},
    {"health_checks.qtype", same<Backend, &Backend::health, &Health::qtype>},
    {"health_checks.random_label", same<Backend, &Backend::health, &Health::random_label>},
    {"health_checks.interval", same<Backend, &Backend::health, &Health::interval>},
    {"health_checks.timeout", same<Backend, &Backend::health, &Health::timeout>},
    {"health_checks.max_failures", same<Backend, &Backend::health, &Health::max_failures>},
    {"health_checks.rise", same<Backend, &Backend::health, &Health::rise>},
    {"health_checks.lazy.interval",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::interval>},
    {"health_checks.lazy.threshold",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::threshold>},
    {"health_checks.lazy.sample_size",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::sample_size>},
    {"health_checks.lazy.min_sample_count",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::min_sample_count>},
    {"health_checks.lazy.mode", same<Backend, &Backend::health, &Health::lazy, &Lazy::failing>},
    {"health_checks.lazy.use_exponential_back_off",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::exponential_back_off>},
    {"health_checks.lazy.max_back_off",
     same<Backend, &Backend::health, &Health::lazy, &Lazy::max_back_off>},
    {"health_checks.lazy.strict", same<Backend, &Backend::health, &Health::lazy, &Lazy::strict>},
};

constexpr Setting<backends::TlsSettings> kOfBindTls[] = {
    {"ciphers", same<backends::TlsSettings, &backends::TlsSettings::ciphers>},
    {"ciphers_tls_13", same<backends::TlsSettings, &backends::TlsSettings::ciphers_tls_13>},
    {"ecdhe_curves", same<backends::TlsSettings, &backends::TlsSettings::ecdhe_curves>},
    {"minimum_version", same<backends::TlsSettings, &backends::TlsSettings::min_version>},
};

// Every member that a setting can be in. A new one stops the build here: it belongs into a table
// above, or into fixed_settings.cc if only a restart changes it, and into every_member_test.cc.
[[maybe_unused]] void knows(const Config& all) {
  [[maybe_unused]] const auto& [file, strict_start, eal, idle, binds, stream_limits, acl,
                                local_names, cookies, rate_limit, rate_limit_exempt,
                                max_misses_per_client, packet_caches, tls_workers, backends, pools,
                                metrics_address, control_socket, log_level, file_faults, ca_stores,
                                warnings, off] = all;
}
[[maybe_unused]] void knows(const ports::EalSettings& all) {
  [[maybe_unused]] const auto& [cores, memory_megabytes, hugepages, ports, binds] = all;
}
[[maybe_unused]] void knows(const TlsWorkers& all) {
  [[maybe_unused]] const auto& [threads, cpus, sessions_per_backend, hedging] = all;
}
[[maybe_unused]] void knows(const CookieSettings& all) {
  [[maybe_unused]] const auto& [enabled, require_server_cookie, secrets] = all;
}
[[maybe_unused]] void knows(const rules::RateLimit& all) {
  [[maybe_unused]] const auto& [per_second, slip, ipv4_prefix_length, ipv6_prefix_length, log_only,
                                exempt] = all;
}
[[maybe_unused]] void knows(const frontend::Limits& all) {
  [[maybe_unused]] const auto& [max_concurrent_connections, max_connections_per_client,
                                max_queries_per_connection, max_in_flight_queries,
                                listen_queue_size, connections_overload_threshold,
                                max_connection_duration, receive_timeout, send_timeout,
                                idle_timeout] = all;
}
[[maybe_unused]] void knows(const Bind& all) {
  [[maybe_unused]] const auto& [address, protocol, pool, tls, paths, certificate_files, faults] =
      all;
}
[[maybe_unused]] void knows(const server_tls::ServerTls& all) {
  [[maybe_unused]] const auto& [certificates, offer] = all;
}
[[maybe_unused]] void knows(const PacketCache& all) {
  [[maybe_unused]] const auto& [name, size, limits, staleness, prefetch, nxdomain_cut] = all;
}
[[maybe_unused]] void knows(const dns::LifetimeLimits& all) {
  [[maybe_unused]] const auto& [max_ttl, min_ttl, max_negative_ttl, temporary_failure_ttl] = all;
}
[[maybe_unused]] void knows(const cache::Staleness& all) {
  [[maybe_unused]] const auto& [max_stale, stale_ttl] = all;
}
[[maybe_unused]] void knows(const Pool& all) {
  [[maybe_unused]] const auto& [name, packet_cache, policy, domains] = all;
}
[[maybe_unused]] void knows(const backends::PolicySettings& all) {
  [[maybe_unused]] const auto& [policy, balancing_factor] = all;
}
[[maybe_unused]] void knows(const Backend& all) {
  [[maybe_unused]] const auto& [name, address, host, socks5, protocol, path, subject_name,
                                subject_address, pins, ca_store, tls, order, weight, pools,
                                max_in_flight, queries_per_second, query_timeout, health,
                                idle_timeout] = all;
}
[[maybe_unused]] void knows(const backends::TlsSettings& all) {
  [[maybe_unused]] const auto& [ciphers, ciphers_tls_13, ecdhe_curves, min_version, key_log_file] =
      all;
}
[[maybe_unused]] void knows(const Health& all) {
  [[maybe_unused]] const auto& [mode, qname, qtype, random_label, interval, timeout, max_failures,
                                rise, lazy] = all;
}
[[maybe_unused]] void knows(const Lazy& all) {
  [[maybe_unused]] const auto& [interval, threshold, sample_size, min_sample_count, failing,
                                exponential_back_off, max_back_off, strict] = all;
}

/// Those that differ, each name once.
template <typename Thing, size_t kCount>
Names differing(const Setting<Thing> (&settings)[kCount], const Thing& was, const Thing& now) {
  Names names;
  for (const Setting<Thing>& setting : settings) {
    if (!setting.same(was, now) && std::ranges::find(names, setting.name) == names.end())
      names.push_back(setting.name);
  }
  return names;
}

/// Things with names: which are new, gone, or not what they were. `differing` names what is
/// different in one of them.
template <typename Thing, typename Differing, typename Tell>
void compare(const char* kind, const std::vector<Thing>& before, const std::vector<Thing>& after,
             Differing differing, Tell tell, Lines& lines) {
  for (const Thing& now : after) {
    const auto was = std::ranges::find(before, now.name, &Thing::name);
    if (was == before.end()) {
      lines.push_back(tell(now) + " (new)");
    } else if (const Names names = differing(*was, now); !names.empty()) {
      lines.push_back(fmt::format("{} (changed: {})", tell(now), fmt::join(names, ", ")));
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

/// Unreadable or not looked at: nothing.
std::optional<uint64_t> store_of(const Backend& backend, const Config& config) {
  const auto found = config.ca_stores.find(backend.ca_store);
  return found == config.ca_stores.end() ? std::nullopt : std::optional(found->second);
}

void compare_backends(const Config& before, const Config& after, Lines& lines) {
  const auto differing_settings = [&](const Backend& was, const Backend& now) {
    Names names = differing(kOfBackends, was, now);
    if (names_of(was.pools, before) != names_of(now.pools, after)) names.emplace_back("pools");
    if (was.ca_store == now.ca_store && store_of(was, before) != store_of(now, after))
      names.emplace_back("what is in tls.ca_store");
    return names;
  };
  compare("backend", before.backends, after.backends, differing_settings, line_about, lines);
}

void compare_pools(const Config& before, const Config& after, Lines& lines) {
  const auto differing_settings = [&](const Pool& was, const Pool& now) {
    Names names = differing(kOfPools, was, now);
    if (cache_of(was, before) != cache_of(now, after)) names.emplace_back("packet_cache");
    return names;
  };
  compare(
      "pool", before.pools, after.pools, differing_settings,
      [](const Pool& pool) { return fmt::format("pool \"{}\"", pool.name); }, lines);
}

void compare_caches(const Config& before, const Config& after, Lines& lines) {
  compare(
      "packet cache", before.packet_caches, after.packet_caches,
      [](const PacketCache& was, const PacketCache& now) { return differing(kOfCaches, was, now); },
      [](const PacketCache& cache) {
        return fmt::format("packet cache {}: {} entries", cache.name, cache.size);
      },
      lines);
}

void compare_bind(const Bind& was, const Bind& now, Lines& lines) {
  const std::string address = now.address.text();
  if (was.tls && now.tls) {
    if (was.tls->certificates != now.tls->certificates)
      lines.push_back(fmt::format("{}: other certificates", address));
    const Names names = differing(kOfBindTls, was.tls->offer, now.tls->offer);
    if (!names.empty())
      lines.push_back(fmt::format("{}: tls.{} changed", address, fmt::join(names, ", tls.")));
  }
  if (was.certificate_files != now.certificate_files)
    lines.push_back(fmt::format("{}: certificates are read from other files", address));
  if (was.paths != now.paths) lines.push_back(fmt::format("{}: other paths", address));
}

void compare_binds(const Config& before, const Config& after, Lines& lines) {
  for (size_t i = 0; i < after.binds.size(); ++i) {
    const std::string& was = before.pools[static_cast<size_t>(before.binds[i].pool)].name;
    const std::string& now = after.pools[static_cast<size_t>(after.binds[i].pool)].name;
    if (was != now)
      lines.push_back(
          fmt::format("{} answers from pool \"{}\" now", after.binds[i].address.text(), now));
    compare_bind(before.binds[i], after.binds[i], lines);
  }
}

}  // namespace

std::vector<std::string> changes_between(const Config& before, const Config& after) {
  Lines lines;
  compare_backends(before, after, lines);
  compare_pools(before, after, lines);
  compare_caches(before, after, lines);
  compare_binds(before, after, lines);
  for (const std::string_view name :
       differing(kStreamLimits, before.stream_limits, after.stream_limits))
    lines.push_back(fmt::format("tuning.tcp.{}: changed", name));
  for (size_t i = 0; i < rules::kLocalNameSettings.size(); ++i) {
    if (before.local_names[i] == after.local_names[i]) continue;
    lines.push_back(fmt::format("local_names.{}: {}", rules::kLocalNameSettings[i],
                                after.local_names[i] ? "answered here" : "asked of backends"));
  }
  for (const std::string_view name : differing(kSettings, before, after))
    lines.push_back(fmt::format("{}: changed", name));
  return lines;
}

}  // namespace control

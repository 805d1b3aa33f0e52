// Each member of a configuration is changed by itself, and a reload has to name its setting.
// Members are taken out by structured bindings, so that a new one does not compile until it stands
// here.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/control/reload/changes_rig.h"

namespace control {
namespace {

void change(bool& value) { value = !value; }
void change(std::string& value) { value += 'x'; }
void change(base::Endpoint& value) { ++value.port; }
void change(double& value) { value += 1; }
template <std::integral Number>
void change(Number& value) {
  ++value;
}
template <typename Word>
requires std::is_enum_v<Word>
void change(Word& value) { value = Word(static_cast<std::underlying_type_t<Word>>(value) ^ 1); }
template <typename Count, typename Period>
void change(std::chrono::duration<Count, Period>& value) {
  ++value;
}
template <typename Item>
void change(std::vector<Item>& list) {
  list.emplace_back();
}
template <typename Item>
void change(std::optional<Item>& value) {
  value = value ? std::nullopt : std::optional(Item{});
}

/// Changes the member of one number, counted in the order of the visit.
class Change {
 public:
  explicit Change(size_t number) : number_(number) {}

  template <typename Member>
  void operator()(std::string_view name, Member& member) {
    if (next_++ != number_) return;
    name_ = name;
    change(member);
  }
  /// Empty: there are not so many.
  [[nodiscard]] std::string_view name() const { return name_; }

 private:
  size_t number_;
  size_t next_ = 0;
  std::string_view name_;
};

// What is not visited: names, by which things are known; what a file had in it that could not be
// used, which is told by itself; and what is made of another member.

void visit(ports::EalSettings& settings, Change& at) {
  auto& [cores, memory_megabytes, hugepages, ports, binds] = settings;
  at("dataplane.cores", cores);
  at("dataplane.memory", memory_megabytes);
  at("dataplane.hugepages", hugepages);
  at("dataplane.ports", ports);
}

void visit(TlsWorkers& settings, Change& at) {
  auto& [threads, cpus, sessions_per_backend, hedging] = settings;
  at("tls_workers.threads", threads);
  at("tls_workers.cpus", cpus);
  at("tls_workers.sessions_per_backend", sessions_per_backend);
  at("tls_workers.hedging", hedging);
}

void visit(CookieSettings& settings, Change& at) {
  auto& [enabled, require_server_cookie, secrets] = settings;
  at("cookies.enabled", enabled);
  at("cookies.require_server_cookie", require_server_cookie);
  at("cookies.secret_file", secrets);
}

void visit(rules::RateLimit& settings, Change& at) {
  auto& [per_second, slip, ipv4_prefix_length, ipv6_prefix_length, log_only, exempt] = settings;
  static_assert(std::tuple_size_v<std::remove_reference_t<decltype(per_second)>> == 3);
  at("rate_limit.responses_per_second", per_second[0]);
  at("rate_limit.nxdomains_per_second", per_second[1]);
  at("rate_limit.errors_per_second", per_second[2]);
  at("rate_limit.slip", slip);
  at("rate_limit.ipv4_prefix_length", ipv4_prefix_length);
  at("rate_limit.ipv6_prefix_length", ipv6_prefix_length);
  at("rate_limit.log_only", log_only);
}

void visit(frontend::Limits& limits, Change& at) {
  auto& [max_concurrent_connections, max_connections_per_client, max_queries_per_connection,
         max_in_flight_queries, listen_queue_size, connections_overload_threshold,
         max_connection_duration, receive_timeout, send_timeout, idle_timeout] = limits;
  at("tuning.tcp.max_concurrent_connections", max_concurrent_connections);
  at("tuning.tcp.max_connections_per_client", max_connections_per_client);
  at("tuning.tcp.max_queries_per_connection", max_queries_per_connection);
  at("tuning.tcp.max_in_flight_queries", max_in_flight_queries);
  at("tuning.tcp.listen_queue_size", listen_queue_size);
  at("tuning.tcp.connections_overload_threshold", connections_overload_threshold);
  at("tuning.tcp.max_connection_duration", max_connection_duration);
  at("tuning.tcp.receive_timeout", receive_timeout);
  at("tuning.tcp.send_timeout", send_timeout);
  at("tuning.tcp.idle_timeout", idle_timeout);
}

void visit(PacketCache& cache, Change& at) {
  auto& [name, size, limits, staleness, prefetch, nxdomain_cut] = cache;
  at("size", size);
  auto& [max_ttl, min_ttl, max_negative_ttl, temporary_failure_ttl] = limits;
  at("max_ttl", max_ttl);
  at("min_ttl", min_ttl);
  at("max_negative_ttl", max_negative_ttl);
  at("temporary_failure_ttl", temporary_failure_ttl);
  auto& [max_stale, stale_ttl] = staleness;
  at("max_stale", max_stale);
  at("stale_ttl", stale_ttl);
  at("prefetch", prefetch);
  at("nxdomain_cut", nxdomain_cut);
}

void visit(Pool& pool, Change& at) {
  auto& [name, packet_cache, settings, domains] = pool;
  at("packet_cache", packet_cache);
  auto& [policy, balancing_factor] = settings;
  at("policy", policy);
  at("balancing_factor", balancing_factor);
  at("domains", domains);
}

void visit(backends::HealthSettings& settings, Change& at) {
  auto& [mode, qname, qtype, random_label, interval, timeout, max_failures, rise, lazy] = settings;
  at("health_checks.mode", mode);
  at("health_checks.qname", qname);
  at("health_checks.qtype", qtype);
  at("health_checks.random_label", random_label);
  at("health_checks.interval", interval);
  at("health_checks.timeout", timeout);
  at("health_checks.max_failures", max_failures);
  at("health_checks.rise", rise);
  auto& [lazy_interval, threshold, sample_size, min_sample_count, failing, exponential_back_off,
         max_back_off, strict] = lazy;
  at("health_checks.lazy.interval", lazy_interval);
  at("health_checks.lazy.threshold", threshold);
  at("health_checks.lazy.sample_size", sample_size);
  at("health_checks.lazy.min_sample_count", min_sample_count);
  at("health_checks.lazy.mode", failing);
  at("health_checks.lazy.use_exponential_back_off", exponential_back_off);
  at("health_checks.lazy.max_back_off", max_back_off);
  at("health_checks.lazy.strict", strict);
}

void visit(backends::BackendSettings& backend, Change& at) {
  auto& [name, address, host, socks5, protocol, path, subject_name, subject_address, pins, ca_store,
         tls, order, weight, pools, max_in_flight, queries_per_second, query_timeout, health,
         idle_timeout] = backend;
  at("address", address);
  at("address", host);
  at("socks5", socks5);
  at("protocol", protocol);
  at("doh.path", path);
  at("tls.subject_name", subject_name);
  at("tls.subject_address", subject_address);
  at("tls.pins", pins);
  at("tls.ca_store", ca_store);
  auto& [ciphers, ciphers_tls_13, ecdhe_curves, min_version, key_log_file] = tls;
  at("tls.ciphers", ciphers);
  at("tls.ciphers_tls_13", ciphers_tls_13);
  at("tls.ecdhe_curves", ecdhe_curves);
  at("tls.min_version", min_version);
  at("tls.key_log_file", key_log_file);
  at("order", order);
  at("weight", weight);
  at("pools", pools);
  at("max_in_flight", max_in_flight);
  at("queries_per_second", queries_per_second);
  at("query_timeout", query_timeout);
  visit(health, at);
  at("idle_timeout", idle_timeout);
}

void visit(Bind& bind, Change& at) {
  auto& [address, protocol, pool, tls, paths, certificate_files, faults] = bind;
  at("binds", address);
  at("binds", protocol);
  at("answers from pool", pool);
  auto& [certificates, offer] = *tls;
  at("other certificates", certificates);
  auto& [ciphers, ciphers_tls_13, ecdhe_curves, min_version, key_log_file] = offer;
  at("tls.ciphers", ciphers);
  at("tls.ciphers_tls_13", ciphers_tls_13);
  at("tls.ecdhe_curves", ecdhe_curves);
  at("tls.minimum_version", min_version);
  at("other paths", paths);
  at("certificates are read from other files", certificate_files);
}

void visit(Config& config, Change& at) {
  auto& [file, strict_start, eal, idle, binds, stream_limits, acl, local_names, cookies, rate_limit,
         rate_limit_exempt, max_misses_per_client, packet_caches, tls_workers, backends, pools,
         metrics_address, control_socket, log_level, file_faults, ca_stores, warnings, off] =
      config;
  at("strict_start", strict_start);
  visit(eal, at);
  at("dataplane.idle", idle);
  visit(binds.front(), at);
  visit(stream_limits, at);
  at("acl", acl);
  for (size_t kind = 0; kind < local_names.size(); ++kind) {
    bool kept = local_names[kind];
    at(rules::kLocalNameSettings[kind], kept);
    local_names[kind] = kept;
  }
  visit(cookies, at);
  visit(rate_limit, at);
  at("rate_limit.exempt", rate_limit_exempt);
  at("dataplane.max_misses_per_client", max_misses_per_client);
  visit(packet_caches.front(), at);
  visit(tls_workers, at);
  visit(backends.front(), at);
  visit(pools.front(), at);
  at("metrics.address", metrics_address);
  at("control.socket", control_socket);
  at("logging.level", log_level);
  at("what is in tls.ca_store", ca_stores["/ca.pem"]);
}

/// One of each, and a second pool to go over to.
Config one_of_each() {
  Config config;
  config.packet_caches.push_back({.name = "main"});
  config.pools = {{.name = "", .packet_cache = 0, .policy = {}, .domains = {}},
                  {.name = "other", .packet_cache = 0, .policy = {}, .domains = {}}};
  backends::BackendSettings backend;
  backend.name = "one";
  backend.ca_store = "/ca.pem";
  backend.pools = {dns::PoolId{0}};
  config.backends = {backend};
  config.ca_stores["/ca.pem"] = 1;
  Bind bind;
  bind.protocol = Protocol::DoH;
  bind.tls.emplace();
  config.binds = {bind};
  return config;
}

TEST(Changes, OfEachMemberAreNamed) {
  const Config before = one_of_each();
  EXPECT_EQ(lines_between(before, before), std::vector<std::string>{});
  size_t changed = 0;
  for (;; ++changed) {
    Config after = before;
    Change one(changed);
    visit(after, one);
    if (one.name().empty()) break;
    const std::vector<std::string> lines = lines_between(before, after);
    const bool is_named = std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(one.name()) != std::string::npos; });
    EXPECT_TRUE(is_named) << one.name() << ": " << testing::PrintToString(lines);
  }
  EXPECT_GT(changed, 100U);
}

}  // namespace
}  // namespace control

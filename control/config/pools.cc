// The sections about what is kept where: `packet_caches`, `load_balancing_policies` and `pools`.
#include <algorithm>
#include <iterator>

#include "control/config/reader.h"
#include "control/text/dns_text.h"
#include "dataplane/rules/client_counters.h"

namespace control {
namespace {

constexpr uint64_t kMaxSeconds = 2'147'483'647;  // A TTL's largest, RFC 2181 §8.

constexpr uint64_t kMaxStaleTtl = 3600;  // A client that keeps one longer misses the new one.

constexpr Choice<backends::Policy> choice_of(backends::Policy policy) {
  return {backends::kPolicyNames[static_cast<size_t>(policy)], policy};
}
constexpr Choice<backends::Policy> kPolicies[] = {choice_of(backends::Policy::LeastOutstanding),
                                                  choice_of(backends::Policy::FirstAvailable),
                                                  choice_of(backends::Policy::RoundRobin),
                                                  choice_of(backends::Policy::WRandom),
                                                  choice_of(backends::Policy::WHashed),
                                                  choice_of(backends::Policy::CHashed),
                                                  choice_of(backends::Policy::P2c)};
static_assert(std::size(kPolicies) == backends::kPolicyNames.size());

backends::PolicySettings settings_of(backends::Policy policy, const Reading& reading) {
  switch (policy) {
    case backends::Policy::WRandom:
    case backends::Policy::WHashed:
      return {policy, reading.weighted_factor};
    case backends::Policy::CHashed:
      return {policy, reading.hashing_factor};
    default:
      return {policy};
  }
}

PacketCache read_packet_cache(const YamlNode& node, Reading& reading) {
  Section section(&node, "packet_caches", reading.errors);
  PacketCache cache;
  section.require("name", "the cache's name");
  section.label("name", cache.name);
  section.number("size", cache.size, {1, 1'000'000'000});
  section.number("max_ttl", cache.limits.max_ttl, {1, kMaxSeconds});
  section.number("min_ttl", cache.limits.min_ttl, {0, kMaxSeconds});
  section.number("max_negative_ttl", cache.limits.max_negative_ttl, {0, kMaxSeconds});
  section.number("temporary_failure_ttl", cache.limits.temporary_failure_ttl, {1, 300});
  section.number("max_stale", cache.staleness.max_stale, {0, kMaxSeconds});
  section.number("stale_ttl", cache.staleness.stale_ttl, {1, kMaxStaleTtl});
  section.flag("prefetch", cache.prefetch);
  section.flag("nxdomain_cut", cache.nxdomain_cut);
  section.refuse_unknown();
  return cache;
}

/// "Corp.Example." is "corp.example".
std::optional<std::string> read_domain(const YamlNode& node, ConfigErrors& errors) {
  constexpr std::string_view kExpected = "a domain such as corp.example or 10.in-addr.arpa";
  auto text = read_text(node, "domains", kExpected, errors);
  if (!text) return std::nullopt;
  const std::string given = *text;
  if (text->ends_with('.')) text->pop_back();
  std::ranges::transform(*text, text->begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (!text->empty() && wire_form(*text)) return text;
  errors.add(node.place, quote("domains", given) + " is not a domain below the root, expected " +
                             std::string(kExpected));
  return std::nullopt;
}

void read_domains(Section& section, Reading& reading, Pool& pool) {
  const auto nodes = section.list("domains", kMaxDomains);
  if (!nodes) return;
  for (const YamlNode& node : *nodes) {
    const auto domain = read_domain(node, reading.errors);
    pool.domains.push_back(domain.value_or(""));
  }
}

Pool read_pool(const YamlNode& node, Reading& reading) {
  Section section(&node, "pools", reading.errors);
  Pool pool;
  section.require("name", "the pool's name, \"\" for the default pool");
  section.label_or_empty("name", pool.name);
  const auto cache = section.text("packet_cache", "the name of a packet cache");
  if (cache) {
    pool.packet_cache = index_of(reading.config.packet_caches, *cache);
    if (!pool.packet_cache) {
      section.refuse("packet_cache",
                     "is not a packet cache, expected " + one_of(reading.config.packet_caches));
    }
  }
  backends::Policy policy = reading.default_policy;
  section.choice("policy", policy, kPolicies);
  pool.policy = settings_of(policy, reading);
  read_domains(section, reading, pool);
  section.refuse_unknown();
  return pool;
}

}  // namespace

void read_packet_caches(Section& top, Reading& reading) {
  std::vector<PacketCache>& caches = reading.config.packet_caches;
  const auto nodes = top.list("packet_caches", rules::kMaxCaches);
  if (nodes) {
    for (const YamlNode& node : *nodes) caches.push_back(read_packet_cache(node, reading));
  }
  if (caches.empty()) caches.push_back({.name = "main"});
}

void read_load_balancing_policies(Section section, Reading& reading) {
  section.choice("default_policy", reading.default_policy, kPolicies);
  section.factor("weighted_balancing_factor", reading.weighted_factor);
  section.factor("consistent_hashing_balancing_factor", reading.hashing_factor);
  section.refuse_unknown();
}

void read_pools(Section& top, Reading& reading) {
  std::vector<Pool>& pools = reading.config.pools;
  const auto nodes = top.list("pools", dns::kMaxPools);
  if (nodes) {
    for (const YamlNode& node : *nodes) pools.push_back(read_pool(node, reading));
  }
  if (pools.empty())
    pools.push_back(
        {.name = "", .packet_cache = 0, .policy = settings_of(reading.default_policy, reading)});
}

}  // namespace control

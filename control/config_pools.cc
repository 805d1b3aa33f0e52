// The sections about what is kept where: `packet_caches`, `load_balancing_policies` and `pools`.
#include "control/config_reader.h"

namespace control {
namespace {

constexpr uint64_t kMaxSeconds = 2'147'483'647;  // A TTL's largest, RFC 2181 §8.
constexpr size_t kMaxCaches = poll::kMaxBinds;   // Cores count hits and misses for that many.

constexpr Choice<Policy> kPolicies[] = {{"leastOutstanding", Policy::LeastOutstanding}};

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
  section.refuse_unknown();
  return cache;
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
  pool.policy = reading.default_policy;
  section.choice("policy", pool.policy, kPolicies);
  section.refuse_unknown();
  return pool;
}

}  // namespace

void read_packet_caches(Section& top, Reading& reading) {
  std::vector<PacketCache>& caches = reading.config.packet_caches;
  const auto nodes = top.list("packet_caches", kMaxCaches);
  if (nodes) {
    for (const YamlNode& node : *nodes) caches.push_back(read_packet_cache(node, reading));
  }
  if (caches.empty()) caches.push_back({.name = "main"});
}

void read_load_balancing_policies(Section section, Reading& reading) {
  section.choice("default_policy", reading.default_policy, kPolicies);
  section.refuse_unknown();
}

void read_pools(Section& top, Reading& reading) {
  std::vector<Pool>& pools = reading.config.pools;
  const auto nodes = top.list("pools", kMaxPools);
  if (nodes) {
    for (const YamlNode& node : *nodes) pools.push_back(read_pool(node, reading));
  }
  if (pools.empty())
    pools.push_back({.name = "", .packet_cache = 0, .policy = reading.default_policy});
}

}  // namespace control

// The section `backends`: which servers are asked. How they are reached is in transport.cc, how
// they are authenticated in tls.cc.
#include <algorithm>

#include "control/config/reader.h"
#include "tls-workers/backends/query_budget.h"

namespace control {
namespace {

void read_pool_name(const YamlNode& node, Reading& reading, std::vector<dns::PoolId>& pools) {
  const auto name = read_text(node, "pools", "the name of a pool", reading.errors);
  if (!name) return;
  const auto index = index_of(reading.config.pools, *name);
  if (!index) {
    reading.errors.add(node.place, quote("pools", *name) + " is not a pool, expected " +
                                       one_of(reading.config.pools));
    return;
  }
  const dns::PoolId pool{static_cast<uint8_t>(*index)};
  if (std::find(pools.begin(), pools.end(), pool) != pools.end()) {
    reading.errors.add(node.place, quote("pools", *name) + " is listed twice, expected once");
    return;
  }
  pools.push_back(pool);
}

void read_backend_pools(Section& section, Reading& reading, backends::BackendSettings& backend) {
  const auto names = section.list("pools", dns::kMaxPools);
  if (names) {
    for (const YamlNode& node : *names) read_pool_name(node, reading, backend.pools);
    if (names->empty()) {
      reading.errors.add(section.place_of("pools"), "`pools` is empty, expected at least one pool");
    }
    return;
  }
  const auto usual = index_of(reading.config.pools, "");
  if (usual) {
    backend.pools = {dns::PoolId{static_cast<uint8_t>(*usual)}};
  } else if (!section.has("pools")) {
    section.lacks("`pools` is missing and there is no pool \"\", expected " +
                  one_of(reading.config.pools));
  }
}

backends::BackendSettings read_backend(const YamlNode& node, Reading& reading) {
  Section section(&node, "backends", reading.errors);
  backends::BackendSettings backend;
  read_transport(section, backend, reading.errors);
  backend.name = backend.where();
  section.label("name", backend.name);
  read_health(section.inner("health_checks"), backend.health);
  read_tls(section, reading, backend);
  section.number("order", backend.order, {0, INT32_MAX});
  section.number("weight", backend.weight, {1, INT32_MAX});
  read_backend_pools(section, reading, backend);
  // A session tells its queries apart by a 16-bit id.
  section.number("queries_per_second", backend.queries_per_second,
                 {0, backends::QueryBudget::kMost});
  section.number("max_in_flight", backend.max_in_flight, {1, UINT16_MAX});
  section.milliseconds("query_timeout", backend.query_timeout, {10, 60'000});
  section.milliseconds("idle_timeout", backend.idle_timeout, {100, 86'400'000});
  section.refuse_unknown();
  return backend;
}

}  // namespace

void read_backends(Section& top, Reading& reading) {
  for (const YamlNode& node : top.filled_list("backends", kMaxBackends, "backend")) {
    reading.config.backends.push_back(read_backend(node, reading));
  }
}

}  // namespace control

#include "control/status/reach.h"

#include <algorithm>

namespace control {
namespace {

bool can_answer(const Status::Pool& pool, const MetricsSources& counters, base::Time now) {
  return std::ranges::any_of(counters.backends, [&](const auto& backend) {
    const bool is_its =
        std::ranges::find(pool.backends, backend.settings.name) != pool.backends.end();
    return is_its && backend.shared->can_answer(now);
  });
}

}  // namespace

std::string out_of_reach(const StatusSources& sources, base::Time now) {
  for (const Status::Pool& pool : sources.pools) {
    const bool asked =
        std::ranges::find(sources.bound_pools, pool.name) != sources.bound_pools.end();
    if (!asked || can_answer(pool, *sources.counters, now)) continue;
    return pool.name.empty() ? "no backend is up" : "no backend of pool " + pool.name + " is up";
  }
  return {};
}

}  // namespace control

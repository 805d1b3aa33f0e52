#include "control/commands/rates.h"

#include <algorithm>

namespace control {
namespace {

/// Counters do not go back; if one does, it is another one's.
double difference(uint64_t before, uint64_t now) {
  return static_cast<double>(now >= before ? now - before : now);
}

uint64_t total(const Tally& tally) {
  uint64_t sum = 0;
  for (const auto& [name, count] : tally) sum += count;
  return sum;
}

/// The one in `things` that is called as `wanted` is; one that has counted nothing if there is
/// none.
template <typename Named>
Named namesake(const std::vector<Named>& things, const Named& wanted) {
  const auto found = std::ranges::find(things, wanted.name, &Named::name);
  return found == things.end() ? Named{} : *found;
}

Rates::Backend rate_of(const Status::Backend& before, const Status::Backend& now, double seconds) {
  return {.queries = difference(before.queries, now.queries) / seconds,
          .failures = difference(total(before.failures), total(now.failures)) / seconds,
          .durations = now.durations.since(before.durations)};
}

Rates::Cache rate_of(const Status::Cache& before, const Status::Cache& now, double seconds) {
  return {.hits = difference(before.hits, now.hits) / seconds,
          .misses = difference(before.misses, now.misses) / seconds,
          .evictions = difference(before.evictions, now.evictions) / seconds};
}

std::optional<double> busy_share(const Status::Core& before, const Status::Core& now) {
  const double cycles = difference(before.cycles, now.cycles);
  if (cycles <= 0) return std::nullopt;
  return std::min(difference(before.busy_cycles, now.busy_cycles) / cycles, 1.0);
}

}  // namespace

std::optional<Rates> rates_between(const Status& before, const Status& now) {
  const double seconds = now.uptime - before.uptime;
  if (before.pid != now.pid || seconds <= 0) return std::nullopt;
  Rates rates;
  rates.queries = difference(before.queries, now.queries) / seconds;
  rates.dropped = difference(before.dropped, now.dropped) / seconds;
  for (const auto& [outcome, count] : now.replies) {
    const auto earlier =
        std::ranges::find(before.replies, outcome, [](const auto& one) { return one.first; });
    const uint64_t counted = earlier == before.replies.end() ? 0 : earlier->second;
    rates.replies.emplace_back(outcome, difference(counted, count) / seconds);
  }
  rates.reply_durations = now.reply_durations.since(before.reply_durations);
  for (size_t i = 0; i < now.cores.size(); ++i) {
    rates.busy.push_back(i < before.cores.size() ? busy_share(before.cores[i], now.cores[i])
                                                 : std::nullopt);
  }
  for (const Status::Backend& backend : now.backends)
    rates.backends.push_back(rate_of(namesake(before.backends, backend), backend, seconds));
  for (const Status::Cache& cache : now.caches)
    rates.caches.push_back(rate_of(namesake(before.caches, cache), cache, seconds));
  return rates;
}

}  // namespace control

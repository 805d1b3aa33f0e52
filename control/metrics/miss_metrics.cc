// What the caches hold, and what becomes of questions that they do not answer.
#include <vector>

#include "control/metrics/subjects.h"
#include "control/metrics/sums.h"

namespace control {

using Clients = rules::ClientCounters;
using Worker = questions::WorkerCounters;

void add_caches(const MetricsSources& sources, FamilyList& families) {
  using cache::CacheCounters;
  const std::vector<const Clients*> clients = sources.clients();
  const auto for_each_cache = [&](auto value_of) {
    for (const MetricsSources::Cache& one : sources.caches)
      families.sample({{"cache", one.cache->name()}}, uint64_t{value_of(one)});
  };
  const auto sum_of = [&](base::Counter Clients::PerCache::*counter) {
    return [&clients, counter](const MetricsSources::Cache& one) {
      return sum(clients, &Clients::caches, one.index, counter);
    };
  };
  const auto count_of = [](auto counter) {
    return [counter](const MetricsSources::Cache& one) {
      return (one.cache->counters().*counter).load();
    };
  };
  families.begin_counter("dotline_cache_hits_total", "Queries answered from the cache.");
  for_each_cache(sum_of(&Clients::PerCache::hits));
  families.begin_counter("dotline_cache_misses_total",
                         "Queries whose answer was not in the cache.");
  for_each_cache(sum_of(&Clients::PerCache::misses));
  families.begin_counter("dotline_cache_inserts_total", "Answers put into the cache.");
  for_each_cache(count_of(&CacheCounters::inserts));
  families.begin_counter("dotline_cache_evictions_total",
                         "Live answers that gave way to another question's.");
  for_each_cache(count_of(&CacheCounters::evictions));
  families.begin_gauge("dotline_cache_entries", "Answers in the cache, expired ones included.");
  for_each_cache(count_of(&CacheCounters::entries));
  families.begin_gauge("dotline_cache_bytes", "Memory of the answers in the cache.");
  for_each_cache(count_of(&CacheCounters::bytes));
  families.begin_gauge("dotline_cache_capacity", "How many answers fit into the cache.");
  for_each_cache([](const MetricsSources::Cache& one) { return one.cache->capacity(); });
}

void add_misses(const MetricsSources& sources, FamilyList& families) {
  const std::vector<const Clients*> clients = sources.clients();
  const std::vector<const Worker*>& workers = sources.workers;
  families.gauge("dotline_parked", "Queries that wait for a backend's answer.",
                 sum(clients, &Clients::parked));
  families.counter("dotline_merged_queries_total",
                   "Queries that joined an equal question already on its way.",
                   sum(clients, &Clients::merged) + sum(workers, &Worker::merged));
  families.counter("dotline_parked_full_total",
                   "Queries answered SERVFAIL because no more can wait.",
                   sum(clients, &Clients::parked_full));
  families.counter("dotline_client_full_total",
                   "Queries answered SERVFAIL because their client has too many waiting.",
                   sum(clients, &Clients::client_full));
  families.counter("dotline_rate_limited_total",
                   "Replies over the rate limit, whatever became of them.",
                   sum(clients, &Clients::rate_limited));
  families.begin_counter("dotline_ring_full_total",
                         "Messages between cores and workers that found their ring full.");
  families.sample({{"ring", "miss"}}, sum(clients, &Clients::miss_ring_full));
  families.sample({{"ring", "fill"}}, sum(workers, &Worker::fills_lost));
  families.counter("dotline_late_fills_total",
                   "Answers that came when all their askers had been told SERVFAIL.",
                   sum(clients, &Clients::late_fills));
  families.gauge("dotline_questions", "Questions open at the backends.",
                 sum(workers, &Worker::questions));
  families.counter("dotline_questions_full_total",
                   "Misses refused because too many questions were open.",
                   sum(workers, &Worker::questions_full));
  families.counter("dotline_questions_crowded_total",
                   "Misses refused because too many of the open questions were of their domain.",
                   sum(workers, &Worker::questions_over_quota));
  families.begin_counter(
      "dotline_questions_unplaced_total",
      "Questions whose clients were told SERVFAIL, or a stale answer, before any "
      "backend could be asked, by what stood in the way.");
  families.samples("limit", questions::kHindranceNames, [&](size_t i) {
    return sum(workers, &Worker::unplaced, questions::Hindrance(i));
  });
  families.counter("dotline_held_failures_total",
                   "Misses failed at once because their question had failed just before.",
                   sum(workers, &Worker::failures_held));
  families.counter("dotline_nxdomain_cuts_total",
                   "Misses told NXDOMAIN because a name above them is known to be missing.",
                   sum(workers, &Worker::below_missing));
  families.counter("dotline_hedged_queries_total",
                   "Queries sent to a second backend because the first was slow.",
                   sum(workers, &Worker::hedged));
  families.begin_counter("dotline_prefetches_total",
                         "Answers fetched anew before they expired, and those that were not.");
  families.sample({{"result", "asked"}}, sum(workers, &Worker::prefetches));
  families.sample({{"result", "left"}},
                  sum(workers, &Worker::prefetches_left) + sum(clients, &Clients::prefetches_left));
  families.counter("dotline_late_answers_total",
                   "Answers put into the cache though nobody waited for them any more.",
                   sum(workers, &Worker::late_answers));
  families.counter("dotline_entries_refused_total", "Answers not kept because memory was out.",
                   sum(workers, &Worker::entries_refused));
}

}  // namespace control

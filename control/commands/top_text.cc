#include "control/commands/top_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "control/status/status_text.h"
#include "control/status/status_words.h"
#include "control/text/amounts.h"

namespace control {
namespace {

using Side = TextTable::Side;

constexpr size_t kLabels = 11;
constexpr size_t kMaxBusy = 160;

/// Of what there is little, the tenths are told as well.
std::string rate(double a_second) {
  if (a_second > 0 && a_second < 9.95) return fmt::format("{:.1f}", a_second);
  return grouped(static_cast<uint64_t>(std::llround(std::max(a_second, 0.0))));
}

std::string replies(const Rates& rates) {
  std::string text;
  for (const auto& [outcome, a_second] : rates.replies) {
    if (a_second > 0) text += (text.empty() ? "" : ", ") + outcome + ' ' + rate(a_second) + "/s";
  }
  return text.empty() ? "none" : text;
}

std::string totals(const Status& status, const Rates& rates, const TextStyle& style) {
  double hits = 0;
  double misses = 0;
  for (const Rates::Cache& cache : rates.caches) {
    hits += cache.hits;
    misses += cache.misses;
  }
  Status of_now = status;
  for (size_t i = 0; i < of_now.cores.size(); ++i) of_now.cores[i].busy = rates.busy[i];
  return paragraph("queries",
                   rate(rates.queries) + "/s, answered from memory " +
                       percent(hits, hits + misses) + ", misses " + rate(misses) + "/s, waiting " +
                       grouped(status.parked) + "; packets dropped " + rate(rates.dropped) + "/s",
                   kLabels, style) +
         paragraph("replies", replies(rates), kLabels, style) +
         paragraph("time",
                   "half of the replies within " + latency(rates.reply_durations.quantile(0.5)) +
                       ", 99 % within " + latency(rates.reply_durations.quantile(0.99)),
                   kLabels, style) +
         paragraph("busy", cut(busy_cores(of_now), kMaxBusy), kLabels, style);
}

std::string backends(const Status& status, const Rates& rates, const TextStyle& style) {
  TextTable table({{"BACKEND", Side::Left},
                   {"STATE", Side::Left},
                   {"SESS"},
                   {"OPEN"},
                   {"QUERIES/S"},
                   {"FAILED/S"},
                   {"P50"},
                   {"P99"}});
  for (const Status::Backend* backend : worst_first(status)) {
    const Rates::Backend& now = rates.backends[static_cast<size_t>(backend - &status.backends[0])];
    table.row({{backend->name, Colour::Strong},
               state_of(*backend, status.now),
               {grouped(backend->sessions)},
               {grouped(backend->in_flight)},
               {rate(now.queries)},
               {rate(now.failures), now.failures > 0 ? Colour::Odd : Colour::Plain},
               {latency(now.durations.quantile(0.5))},
               {latency(now.durations.quantile(0.99))}});
  }
  return table.text(style);
}

std::string caches(const Status& status, const Rates& rates, const TextStyle& style) {
  TextTable table({{"CACHE", Side::Left},
                   {"ANSWERS"},
                   {"FILLED"},
                   {"MEMORY"},
                   {"HITS/S"},
                   {"MISSES/S"},
                   {"HIT RATIO"},
                   {"EVICTED/S"}});
  for (size_t i = 0; i < status.caches.size(); ++i) {
    const Status::Cache& cache = status.caches[i];
    const Rates::Cache& now = rates.caches[i];
    table.row({{cache.name, Colour::Strong},
               {compact(static_cast<double>(cache.entries))},
               {percent(static_cast<double>(cache.entries), static_cast<double>(cache.capacity))},
               {octets(cache.bytes)},
               {rate(now.hits)},
               {rate(now.misses)},
               {percent(now.hits, now.hits + now.misses)},
               {rate(now.evictions)}});
  }
  return table.text(style);
}

}  // namespace

std::string top_text(const Status& status, const std::optional<Rates>& rates,
                     const TextStyle& style) {
  const std::string front = headline(status, style) + problem_lines(status, style) + '\n';
  if (!rates) return front + "one more second ...\n";
  return front + totals(status, *rates, style) + '\n' + backends(status, *rates, style) + '\n' +
         caches(status, *rates, style);
}

}  // namespace control

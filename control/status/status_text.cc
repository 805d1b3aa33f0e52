#include "control/status/status_text.h"

#include <algorithm>

#include "control/status/status_words.h"
#include "control/text/amounts.h"

namespace control {
namespace {

using Backend = Status::Backend;
using Side = TextTable::Side;

constexpr size_t kLabels = 11;

std::string joined(const std::vector<std::string>& names, const std::string& none) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? none : text;
}

std::string replies(const Status& status) {
  std::string text;
  for (const auto& [outcome, count] : status.replies) {
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + outcome + ' ' + grouped(count);
  }
  return text.empty() ? "none yet" : text;
}

std::string from_memory(const Status& status) {
  uint64_t hits = 0;
  uint64_t misses = 0;
  for (const Status::Cache& cache : status.caches) {
    hits += cache.hits;
    misses += cache.misses;
  }
  return percent(static_cast<double>(hits), static_cast<double>(hits + misses));
}

std::string totals(const Status& status, const TextStyle& style) {
  const Durations& durations = status.reply_durations;
  return paragraph("queries",
                   grouped(status.queries) + ", answered from memory " + from_memory(status) +
                       ", waiting " + grouped(status.parked) + "; packets dropped " +
                       grouped(status.dropped),
                   kLabels, style) +
         paragraph("replies", replies(status), kLabels, style) +
         paragraph("time",
                   "half of the replies within " + latency(durations.quantile(0.5)) +
                       ", 99 % within " + latency(durations.quantile(0.99)),
                   kLabels, style) +
         paragraph("busy", busy_cores(status), kLabels, style);
}

std::string backends(const Status& status, const TextStyle& style) {
  TextTable table({{"BACKEND", Side::Left},
                   {"STATE", Side::Left},
                   {"SESS"},
                   {"OPEN"},
                   {"QUERIES"},
                   {"P50"},
                   {"P99"},
                   {"CHECK"},
                   {"CERT"}});
  for (const Backend* backend : worst_first(status)) {
    table.row({{backend->name, Colour::Strong},
               state_of(*backend, status.now),
               {grouped(backend->sessions)},
               {grouped(backend->in_flight)},
               {compact(static_cast<double>(backend->queries))},
               {latency(backend->durations.quantile(0.5))},
               {latency(backend->durations.quantile(0.99))},
               check_of(*backend, status.now),
               certificate_of(*backend, status.now)});
  }
  return table.text(style);
}

/// Of backends that do their work all the same; what is wrong with the others was told above.
std::string past_failures(const Status& status, const TextStyle& style) {
  std::string text;
  for (const Backend& backend : status.backends) {
    if (!backend.last_failure || !backend.up || backend.state == "doubted") continue;
    const Status::Failure& failure = *backend.last_failure;
    text += paragraph("  " + backend.name,
                      span(status.now - failure.at) + " ago: " + failure.kind + ": " + failure.text,
                      4, style, Colour::Faint);
  }
  return text.empty() ? "" : "last failures\n" + text;
}

std::string pools(const Status& status, const TextStyle& style) {
  std::string text;
  for (const Status::Pool& pool : status.pools) {
    std::string line = pool.policy + " over " + joined(pool.backends, "no backend");
    line += pool.cache ? "; cache " + *pool.cache : "; not cached";
    if (!pool.domains.empty()) line += "; for " + joined(pool.domains, "");
    text += paragraph("pool " + shown_name(pool.name), line, kLabels, style);
  }
  return text;
}

std::string caches(const Status& status, const TextStyle& style) {
  TextTable table({{"CACHE", Side::Left},
                   {"ANSWERS"},
                   {"FILLED"},
                   {"MEMORY"},
                   {"HITS"},
                   {"MISSES"},
                   {"HIT RATIO"},
                   {"EVICTED"}});
  for (const Status::Cache& cache : status.caches) {
    const auto hits = static_cast<double>(cache.hits);
    const auto misses = static_cast<double>(cache.misses);
    table.row({{cache.name, Colour::Strong},
               {compact(static_cast<double>(cache.entries))},
               {percent(static_cast<double>(cache.entries), static_cast<double>(cache.capacity))},
               {octets(cache.bytes)},
               {compact(hits)},
               {compact(misses)},
               {percent(hits, hits + misses)},
               {compact(static_cast<double>(cache.evictions))}});
  }
  return table.text(style);
}

std::string ports(const Status& status, const TextStyle& style) {
  TextTable table({{"PORT", Side::Left}, {"LINK", Side::Left}, {"RECEIVED"}, {"SENT"}});
  for (const Status::Port& port : status.ports) {
    table.row({{port.name, Colour::Strong},
               {port.link ? "up" : "down", port.link ? Colour::Good : Colour::Bad},
               {grouped(port.received)},
               {grouped(port.sent)}});
  }
  return table.text(style);
}

std::string configuration(const Status& status, const TextStyle& style) {
  const Status::Configuration& loaded = status.configuration;
  std::string text = loaded.file + ", loaded " + span(status.now - loaded.loaded) + " ago";
  if (loaded.reloads > 0) text += ", reloaded " + grouped(loaded.reloads) + " times";
  return paragraph("config", text + "; process " + std::to_string(status.pid), kLabels, style);
}

}  // namespace

std::string problem_lines(const Status& status, const TextStyle& style) {
  std::string text;
  for (const Problem& problem : problems_of(status))
    text += paragraph("  !", problem.text, 4, style, problem.colour);
  return text;
}

std::string status_text(const Status& status, const TextStyle& style) {
  return headline(status, style) + problem_lines(status, style) + '\n' + totals(status, style) +
         configuration(status, style) + pools(status, style) + '\n' + backends(status, style) +
         past_failures(status, style) + '\n' + caches(status, style) + '\n' + ports(status, style);
}

}  // namespace control

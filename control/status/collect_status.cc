#include "control/status/collect_status.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "control/text/backend_text.h"

namespace control {
namespace {

using Core = MetricsSources::Core;

double seconds_of(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double unix_time(backends::Date date) {
  return std::chrono::duration<double>(date.time_since_epoch()).count();
}

/// The date of what happened at `then`.
double date_of(base::Time then, const Moment& now) {
  return unix_time(now.date) - seconds_of(now.time - then);
}

/// `of(counters)` summed over all cores.
template <typename Of>
uint64_t sum(const std::vector<Core>& cores, Of of) {
  uint64_t total = 0;
  for (const Core& core : cores) total += of(*core.counters);
  return total;
}

/// The same over all that serve clients.
template <typename Of>
uint64_t sum(const std::vector<const rules::ClientCounters*>& all, Of of) {
  uint64_t total = 0;
  for (const rules::ClientCounters* one : all) total += of(*one);
  return total;
}

/// What TAPs did not take is known to their own thread alone; the rest to the cores.
uint64_t dropped(const MetricsSources& sources) {
  uint64_t total = sum(sources.clients(), [](const auto& one) { return one.dropped.total(); });
  for (const MetricsSources::Port& port : sources.ports) {
    if (port.exceptions != nullptr) total += port.exceptions->refused.read();
  }
  return total;
}

void collect_queries(const MetricsSources& sources, Status& status) {
  const std::vector<const rules::ClientCounters*> clients = sources.clients();
  status.queries = sum(clients, [](const auto& one) { return one.queries.total(); });
  status.parked = sum(clients, [](const auto& one) { return one.parked.read(); });
  status.dropped = dropped(sources);
  for (size_t i = 0; i < rules::kOutcomeNames.size(); ++i) {
    const uint64_t count =
        sum(clients, [i](const auto& one) { return one.replies[rules::Outcome(i)].read(); });
    status.replies.emplace_back(rules::kOutcomeNames[i], count);
    for (const rules::ClientCounters* one : clients)
      status.reply_durations.add(one->reply_duration[i]);
  }
}

void collect_machine(const StatusSources& sources, Status& status) {
  const MetricsSources& counters = *sources.counters;
  for (size_t i = 0; i < counters.cores.size(); ++i) {
    const Core& core = counters.cores[i];
    status.cores.push_back({.cpu = core.cpu,
                            .cycles = core.counters->cycles.read(),
                            .busy_cycles = core.counters->busy_cycles.read(),
                            .busy = sources.loads[i]->busy()});
  }
  for (size_t i = 0; i < counters.ports.size(); ++i) {
    const MetricsSources::Port& port = counters.ports[i];
    PortCondition condition = port.condition();
    status.ports.push_back(
        {.name = port.name,
         .link = condition.link,
         .why = std::move(condition.why),
         .reopened = condition.reopened,
         .programs_back = condition.programs_back,
         .received =
             sum(counters.cores, [i](const auto& core) { return core.ports[i].received.read(); }),
         .sent = sum(counters.cores, [i](const auto& core) { return core.ports[i].sent.read(); })});
  }
  for (size_t i = 0; i < counters.workers.size(); ++i) {
    status.workers.push_back(
        {.index = static_cast<unsigned>(i), .questions = counters.workers[i]->questions.read()});
  }
}

void collect_caches(const MetricsSources& sources, Status& status) {
  for (const MetricsSources::Cache& one : sources.caches) {
    const cache::CacheCounters& counters = one.cache->counters();
    const size_t index = one.index;
    status.caches.push_back(
        {.name = one.cache->name(),
         .entries = counters.entries.load(),
         .capacity = one.cache->capacity(),
         .bytes = counters.bytes.load(),
         .hits = sum(sources.clients(),
                     [index](const auto& counted) { return counted.caches[index].hits.read(); }),
         .misses =
             sum(sources.clients(),
                 [index](const auto& counted) { return counted.caches[index].misses.read(); }),
         .inserts = counters.inserts.load(),
         .evictions = counters.evictions.load()});
  }
}

std::string state_of(const backends::Health::State state, const Status::Backend& backend) {
  if (backend.said != "auto") return backend.said;
  if (backend.mode == "up" || backend.mode == "down") return backend.mode;
  switch (state) {
    case backends::Health::State::Healthy:
      return "healthy";
    case backends::Health::State::Doubted:
      return "doubted";
    case backends::Health::State::Failed:
      break;
  }
  return "failed";
}

void collect_settings(const backends::BackendSettings& settings, const StatusSources& sources,
                      Status::Backend& backend) {
  backend.name = settings.name;
  backend.address = settings.where();
  backend.protocol = settings.protocol == backends::Protocol::DoH ? "DoH" : "DoT";
  if (settings.socks5) backend.proxy = settings.socks5->proxy.text();
  backend.identity = identity_of(settings);
  backend.order = settings.order;
  backend.weight = settings.weight;
  for (const Status::Pool& pool : sources.pools) {
    if (std::ranges::find(pool.backends, backend.name) != pool.backends.end())
      backend.pools.push_back(pool.name);
  }
}

void collect_rotation(const backends::SharedBackend& shared, const Moment& now,
                      Status::Backend& backend) {
  const backends::Rotation::Report report = shared.rotation.report();
  backend.in_rotation = shared.rotation.up();
  backend.up = shared.up();
  backend.mode =
      backends::HealthSettings::kModeNames[static_cast<size_t>(shared.rotation.settings().mode)];
  backend.said =
      backends::Rotation::kWordNames[static_cast<size_t>(shared.rotation.current_override())];
  backend.state = state_of(report.state, backend);
  backend.since = date_of(report.since, now);
  if (!report.last_check) return;
  backend.last_check = {.at = date_of(*report.last_check, now), .result = "ok"};
  if (const auto failed = report.last_check_failed)
    backend.last_check->result = backends::kFailureNames[static_cast<size_t>(*failed)];
}

void collect_counters(const backends::SharedBackend& shared, Status::Backend& backend) {
  for (const std::string_view name : backends::kFailureNames)
    backend.failures.emplace_back(name, 0);
  for (const backends::BackendLedger& ledger : shared.ledgers) {
    const backends::BackendCounters& counters = ledger.counters;
    backend.sessions += counters.sessions.read();
    backend.in_flight += counters.in_flight.read();
    backend.queries += counters.queries.read();
    for (const base::Counter& responses : counters.responses) backend.responses += responses.read();
    for (size_t i = 0; i < backends::kFailureNames.size(); ++i)
      backend.failures[i].second += counters.failures[backends::Failure(i)].read();
    backend.durations.add(counters.response_duration);
  }
}

void collect_report(const backends::BackendReport& report, Status::Backend& backend) {
  if (report.last_failure) {
    backend.last_failure = {
        .kind =
            std::string(backends::kFailureNames[static_cast<size_t>(report.last_failure->kind)]),
        .text = report.last_failure->text,
        .at = unix_time(report.last_failure->at)};
  }
  if (report.certificate) backend.certificate_expiry = unix_time(report.certificate->not_after);
}

}  // namespace

Status collect_status(const StatusSources& sources, const HealthReport& health, const Moment& now) {
  const MetricsSources& counters = *sources.counters;
  Status status;
  status.version = counters.version;
  status.pid = getpid();
  status.now = unix_time(now.date);
  status.started = date_of(sources.started, now);
  status.uptime = seconds_of(now.time - sources.started);
  status.healthy = health.is_healthy();
  status.why = health.why();
  status.notes = health.notes;
  const ReloadRecord::Report reloads = counters.reloads->read();
  status.configuration = {.file = sources.file,
                          .loaded = unix_time(reloads.loaded),
                          .generation = 1 + reloads.succeeded,
                          .reloads = reloads.succeeded,
                          .failed_reloads = reloads.failed,
                          .last_error = reloads.last_error};
  status.off = counters.off;
  for (const MetricsSources::Bind& bind : counters.binds)
    status.binds.push_back({bind.address, bind.protocol, bind.up});
  status.pools = sources.pools;
  collect_queries(counters, status);
  collect_machine(sources, status);
  collect_caches(counters, status);
  for (const questions::Configuration::Backend& one : counters.backends) {
    Status::Backend& backend = status.backends.emplace_back();
    collect_settings(one.settings, sources, backend);
    collect_rotation(*one.shared, now, backend);
    collect_counters(*one.shared, backend);
    collect_report(one.shared->report(), backend);
  }
  return status;
}

std::vector<Status::Pool> pools_in(const Config& config) {
  std::vector<Status::Pool> pools;
  for (size_t i = 0; i < config.pools.size(); ++i) {
    const Pool& settings = config.pools[i];
    Status::Pool& pool = pools.emplace_back();
    pool.name = settings.name;
    pool.policy = backends::kPolicyNames[static_cast<size_t>(settings.policy.policy)];
    if (settings.packet_cache) pool.cache = config.packet_caches[*settings.packet_cache].name;
    pool.domains = settings.domains;
    for (const backends::BackendSettings& backend : config.backends) {
      const auto id = static_cast<dns::PoolId>(i);
      if (std::ranges::find(backend.pools, id) != backend.pools.end())
        pool.backends.push_back(backend.name);
    }
  }
  return pools;
}

}  // namespace control

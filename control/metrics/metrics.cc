#include "control/metrics/metrics.h"

#include <algorithm>

#include "control/metrics/metric_family.h"
#include "control/metrics/process_metrics.h"

namespace control {
namespace {

using Core = MetricsSources::Core;
using Backend = questions::Configuration::Backend;

/// `of(counters)` summed over all cores.
template <typename Of>
uint64_t sum(const std::vector<Core>& cores, Of of) {
  uint64_t total = 0;
  for (const Core& core : cores) total += of(*core.counters).read();
  return total;
}

/// `of(counters)` summed over all workers, all fronts or all who serve clients.
template <typename Counters, typename Of>
uint64_t sum(const std::vector<const Counters*>& all, Of of) {
  uint64_t total = 0;
  for (const Counters* one : all) total += of(*one).read();
  return total;
}

/// `of(counters)` of one backend summed over all workers.
template <typename Of>
uint64_t sum(const Backend& backend, Of of) {
  uint64_t total = 0;
  for (const backends::BackendLedger& ledger : backend.shared->ledgers)
    total += of(ledger.counters).read();
  return total;
}

void add_ports(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_port = [&](auto value_of) {
    for (size_t i = 0; i < sources.ports.size(); ++i) {
      families.sample({{"port", sources.ports[i].name}}, value_of(i));
    }
  };
  families.begin_counter("dotline_packets_received_total", "Frames taken from the port.");
  for_each_port([&](size_t i) {
    return sum(
        sources.cores, [i](const auto& core) -> auto& { return core.ports[i].received; });
  });
  families.begin_counter("dotline_packets_sent_total", "Replies given to the port.");
  for_each_port([&](size_t i) {
    return sum(
        sources.cores, [i](const auto& core) -> auto& { return core.ports[i].sent; });
  });
  std::vector<MetricsSources::PortLosses> losses;
  for (const MetricsSources::Port& port : sources.ports) losses.push_back(port.losses());
  families.begin_counter("dotline_port_missed_total",
                         "Frames lost because the port's receive ring was full.");
  for_each_port([&](size_t i) { return losses[i].missed; });
  families.begin_counter("dotline_port_no_buffer_total",
                         "Frames lost because the port's mempool was empty.");
  for_each_port([&](size_t i) { return losses[i].no_buffer; });
  families.begin_counter("dotline_port_errors_total",
                         "Frames that the device could not receive or send.");
  for_each_port([&](size_t i) { return losses[i].errors; });
  families.begin_gauge("dotline_mempool_in_use",
                       "Packet buffers in use, those waiting in the device included.");
  for_each_port([&](size_t i) { return sources.ports[i].mempool_in_use(); });
  std::vector<PortCondition> conditions;
  for (const MetricsSources::Port& port : sources.ports) conditions.push_back(port.condition());
  families.begin_gauge("dotline_port_link_up", "1 while the port's link is up.");
  for_each_port([&](size_t i) { return uint64_t{conditions[i].link}; });
  families.begin_gauge("dotline_port_up",
                       "1 while the port can serve; 0: its interface, its XDP program or its link "
                       "is not there.");
  for_each_port([&](size_t i) { return uint64_t{conditions[i].serves()}; });
  families.begin_counter("dotline_port_reopened_total",
                         "Times that the port was opened anew, its interface having been away.");
  for_each_port([&](size_t i) { return conditions[i].reopened; });
  families.begin_counter("dotline_port_program_attached_again_total",
                         "Times that the port's XDP program was put back, somebody having taken "
                         "it off.");
  for_each_port([&](size_t i) { return conditions[i].programs_back; });
}

/// `of(counters)` summed over the exception paths of all ports.
template <typename Of>
uint64_t sum_of_exceptions(const MetricsSources& sources, Of of) {
  uint64_t total = 0;
  for (const MetricsSources::Port& port : sources.ports) {
    if (port.exceptions != nullptr) total += of(*port.exceptions).read();
  }
  return total;
}

void add_exceptions(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_exception_frames_total",
                         "Frames moved between the port and its TAP.");
  for (size_t i = 0; i < sources.ports.size(); ++i) {
    const MetricsSources::Port& port = sources.ports[i];
    families.sample({{"port", port.name}, {"direction", "to_kernel"}},
                    port.exceptions == nullptr ? 0 : port.exceptions->to_kernel.read());
    families.sample(
        {{"port", port.name}, {"direction", "from_kernel"}},
        sum(
            sources.cores, [i](const auto& core) -> auto& { return core.ports[i].from_kernel; }));
  }
  families.begin_counter("dotline_exception_unsent_total",
                         "Frames of the kernel's that were not sent, by reason.");
  for (size_t i = 0; i < poll::kUnsentNames.size(); ++i) {
    const auto unsent = [i](const auto& counters) -> auto& {
      return counters.unsent[poll::Unsent(i)];
    };
    families.sample({{"reason", std::string(poll::kUnsentNames[i])}},
                    sum(sources.cores, unsent) + sum_of_exceptions(sources, unsent));
  }
}

/// Cores count what they drop themselves; what the TAP did not take is known to its thread only.
uint64_t dropped(const MetricsSources& sources, rules::Drop reason) {
  if (reason == rules::Drop::ExceptionRefused) {
    return sum_of_exceptions(
        sources, [](const auto& counters) -> auto& { return counters.refused; });
  }
  return sum(
      sources.clients(), [reason](const auto& core) -> auto& { return core.dropped[reason]; });
}

void add_queries(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_packets_dropped_total",
                         "Frames and messages that got no reply, by reason.");
  for (size_t i = 0; i < rules::kDropNames.size(); ++i) {
    families.sample({{"reason", std::string(rules::kDropNames[i])}},
                    dropped(sources, rules::Drop(i)));
  }
  families.begin_counter("dotline_queries_total",
                         "DNS queries read, by the transport they came over.");
  for (size_t i = 0; i < rules::kTransportNames.size(); ++i) {
    families.sample({{"transport", std::string(rules::kTransportNames[i])}},
                    sum(
                        sources.clients(), [i](const auto& core) -> auto& {
                          return core.queries[rules::Transport(i)];
                        }));
  }
  families.begin_counter("dotline_replies_total", "Replies sent, by what they were.");
  for (size_t i = 0; i < rules::kOutcomeNames.size(); ++i) {
    families.sample({{"outcome", std::string(rules::kOutcomeNames[i])}},
                    sum(
                        sources.clients(), [i](const auto& core) -> auto& {
                          return core.replies[rules::Outcome(i)];
                        }));
  }
  families.begin_histogram("dotline_reply_duration_seconds",
                           "From receiving a query to sending its reply.");
  for (size_t i = 0; i < rules::kOutcomeNames.size(); ++i) {
    std::vector<const base::Histogram*> histograms;
    for (const rules::ClientCounters* counters : sources.clients())
      histograms.push_back(&counters->reply_duration[i]);
    families.sample({{"outcome", std::string(rules::kOutcomeNames[i])}}, histograms);
  }
}

void add_caches(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_cache = [&](auto value_of) {
    for (const auto& [index, cache] : sources.caches)
      families.sample({{"cache", cache->name()}}, value_of(index, cache->counters()));
  };
  families.begin_counter("dotline_cache_hits_total", "Queries answered from the cache.");
  for_each_cache([&](size_t i, const auto&) {
    return sum(
        sources.clients(), [i](const auto& core) -> auto& { return core.caches[i].hits; });
  });
  families.begin_counter("dotline_cache_misses_total",
                         "Queries whose answer was not in the cache.");
  for_each_cache([&](size_t i, const auto&) {
    return sum(
        sources.clients(), [i](const auto& core) -> auto& { return core.caches[i].misses; });
  });
  families.begin_counter("dotline_cache_inserts_total", "Answers put into the cache.");
  for_each_cache(
      [](size_t, const cache::CacheCounters& counters) { return counters.inserts.load(); });
  families.begin_counter("dotline_cache_evictions_total",
                         "Live answers that gave way to another question's.");
  for_each_cache(
      [](size_t, const cache::CacheCounters& counters) { return counters.evictions.load(); });
  families.begin_gauge("dotline_cache_entries", "Answers in the cache, expired ones included.");
  for_each_cache(
      [](size_t, const cache::CacheCounters& counters) { return counters.entries.load(); });
  families.begin_gauge("dotline_cache_bytes", "Memory of the answers in the cache.");
  for_each_cache(
      [](size_t, const cache::CacheCounters& counters) { return counters.bytes.load(); });
  families.begin_gauge("dotline_cache_capacity", "How many answers fit into the cache.");
  for (const auto& [index, cache] : sources.caches)
    families.sample({{"cache", cache->name()}}, cache->capacity());
}

void add_misses(const MetricsSources& sources, FamilyList& families) {
  families.gauge("dotline_parked", "Queries that wait for a backend's answer.",
                 sum(
                     sources.clients(), [](const auto& core) -> auto& { return core.parked; }));
  families.counter(
      "dotline_merged_queries_total", "Queries that joined an equal question already on its way.",
      sum(
          sources.clients(), [](const auto& core) -> auto& { return core.merged; }) +
          sum(
              sources.workers, [](const auto& worker) -> auto& { return worker.merged; }));
  families.counter(
      "dotline_parked_full_total", "Queries answered SERVFAIL because no more can wait.",
      sum(
          sources.clients(), [](const auto& core) -> auto& { return core.parked_full; }));
  families.counter(
      "dotline_client_full_total",
      "Queries answered SERVFAIL because their client has too many waiting.",
      sum(
          sources.clients(), [](const auto& core) -> auto& { return core.client_full; }));
  families.counter(
      "dotline_rate_limited_total", "Replies over the rate limit, whatever became of them.",
      sum(
          sources.clients(), [](const auto& core) -> auto& { return core.rate_limited; }));
  families.begin_counter("dotline_ring_full_total",
                         "Messages between cores and workers that found their ring full.");
  families.sample({{"ring", "miss"}}, sum(
                                          sources.clients(), [](const auto& core) -> auto& {
                                            return core.miss_ring_full;
                                          }));
  families.sample({{"ring", "fill"}}, sum(
                                          sources.workers, [](const auto& worker) -> auto& {
                                            return worker.fills_lost;
                                          }));
  families.counter(
      "dotline_late_fills_total", "Answers that came when all their askers had been told SERVFAIL.",
      sum(
          sources.clients(), [](const auto& core) -> auto& { return core.late_fills; }));
  families.gauge(
      "dotline_questions", "Questions open at the backends.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.questions; }));
  families.counter(
      "dotline_questions_full_total", "Misses refused because too many questions were open.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.questions_full; }));
  families.counter(
      "dotline_questions_crowded_total",
      "Misses refused because too many of the open questions were of their domain.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.questions_over_quota; }));
  families.begin_counter(
      "dotline_questions_unplaced_total",
      "Questions whose clients were told SERVFAIL, or a stale answer, before any "
      "backend could be asked, by what stood in the way.");
  for (size_t hindrance = 0; hindrance < questions::kHindranceNames.size(); ++hindrance) {
    families.sample({{"limit", std::string(questions::kHindranceNames[hindrance])}},
                    sum(
                        sources.workers, [hindrance](const auto& worker) -> auto& {
                          return worker.unplaced[questions::Hindrance(hindrance)];
                        }));
  }
  families.counter(
      "dotline_held_failures_total",
      "Misses failed at once because their question had failed just before.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.failures_held; }));
  families.counter(
      "dotline_nxdomain_cuts_total",
      "Misses told NXDOMAIN because a name above them is known to be missing.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.below_missing; }));
  families.counter("dotline_hedged_queries_total",
                   "Queries sent to a second backend because the first was slow.",
                   sum(
                       sources.workers, [](const auto& worker) -> auto& { return worker.hedged; }));
  families.begin_counter("dotline_prefetches_total",
                         "Answers fetched anew before they expired, and those that were not.");
  families.sample({{"result", "asked"}}, sum(
                                             sources.workers, [](const auto& worker) -> auto& {
                                               return worker.prefetches;
                                             }));
  families.sample(
      {{"result", "left"}},
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.prefetches_left; }) +
          sum(
              sources.clients(), [](const auto& core) -> auto& { return core.prefetches_left; }));
  families.counter(
      "dotline_late_answers_total",
      "Answers put into the cache though nobody waited for them any more.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.late_answers; }));
  families.counter(
      "dotline_entries_refused_total", "Answers not kept because memory was out.",
      sum(
          sources.workers, [](const auto& worker) -> auto& { return worker.entries_refused; }));
}

void add_cores(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_core_busy_cycles_total",
                         "TSC cycles of turns that found something to do.");
  for (const Core& core : sources.cores) {
    families.sample({{"core", std::to_string(core.cpu)}}, core.counters->busy_cycles.read());
  }
  families.begin_counter("dotline_core_cycles_total", "TSC cycles of all turns.");
  for (const Core& core : sources.cores) {
    families.sample({{"core", std::to_string(core.cpu)}}, core.counters->cycles.read());
  }
  families.begin_counter("dotline_worker_turns_total",
                         "Turns of the worker, which stands still if this does.");
  for (size_t i = 0; i < sources.workers.size(); ++i) {
    families.sample({{"worker", std::to_string(i)}}, sources.workers[i]->turns.read());
  }
}

uint64_t unix_time(std::chrono::system_clock::time_point date) {
  return static_cast<uint64_t>(
      std::max<std::time_t>(std::chrono::system_clock::to_time_t(date), 0));
}

void add_connections(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_stream = [&](auto counter_of) {
    for (size_t i = 0; i < rules::kTransportNames.size(); ++i) {
      if (!rules::is_stream(rules::Transport(i))) continue;
      families.sample({{"transport", std::string(rules::kTransportNames[i])}},
                      sum(
                          sources.fronts, [&](const auto& front) -> auto& {
                            return counter_of(front, rules::Transport(i));
                          }));
    }
  };
  families.begin_gauge("dotline_client_connections", "Connections of clients, by transport.");
  for_each_stream([](const auto& front, auto i) -> auto& { return front.open[i]; });
  families.begin_counter("dotline_client_connections_accepted_total",
                         "Connections of clients taken, by transport.");
  for_each_stream([](const auto& front, auto i) -> auto& { return front.accepted[i]; });
  families.begin_counter("dotline_client_connections_closed_total",
                         "Connections of clients that ended, by reason.");
  for (size_t i = 0; i < frontend::kClosedNames.size(); ++i) {
    families.sample({{"reason", std::string(frontend::kClosedNames[i])}},
                    sum(
                        sources.fronts, [i](const auto& front) -> auto& {
                          return front.closed[frontend::Closed(i)];
                        }));
  }
  families.begin_counter("dotline_client_connections_refused_total",
                         "Connections of clients that were not taken, by reason.");
  for (size_t i = 0; i < frontend::kRefusedNames.size(); ++i) {
    families.sample({{"reason", std::string(frontend::kRefusedNames[i])}},
                    sum(
                        sources.fronts, [i](const auto& front) -> auto& {
                          return front.refused[frontend::Refused(i)];
                        }));
  }
  families.counter("dotline_client_reads_paused_total",
                   "Times a connection was not read from until its client had taken replies.",
                   sum(
                       sources.fronts, [](const auto& front) -> auto& { return front.paused; }));
}

void add_client_tls(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_client_handshakes_total",
                         "TLS handshakes with clients, by how they ended.");
  families.sample({{"kind", "full"}}, sum(
                                          sources.fronts, [](const auto& front) -> auto& {
                                            return front.handshakes_full;
                                          }));
  families.sample({{"kind", "resumed"}}, sum(
                                             sources.fronts, [](const auto& front) -> auto& {
                                               return front.handshakes_resumed;
                                             }));
  uint64_t failed = 0;
  for (const frontend::Closed why : {frontend::Closed::HandshakeFailed, frontend::Closed::HandshakeTimeout,
                                  frontend::Closed::Http1InHello})
    failed += sum(
        sources.fronts, [why](const auto& front) -> auto& { return front.closed[why]; });
  families.sample({{"kind", "failed"}}, failed);
  families.begin_gauge("dotline_certificate_expiry_timestamp_seconds",
                       "Until when the certificate is valid that clients are shown.");
  for (const MetricsSources::ShownCertificate& shown : sources.certificates)
    families.sample({{"bind", shown.bind}}, unix_time(shown.expiry));
}

void add_parts_off(const MetricsSources& sources, FamilyList& families) {
  families.begin_gauge("dotline_bind_up",
                       "Whether all of what is configured is answered at this address.");
  for (const MetricsSources::Bind& bind : sources.binds)
    families.sample({{"bind", bind.address}}, uint64_t{bind.up ? 1U : 0U});
  families.begin_gauge(
      "dotline_parts_off",
      "Things that are configured and not in effect; `dotline status` names them.");
  families.sample({}, uint64_t{sources.off.size()});
}

void add_reloads(const MetricsSources& sources, FamilyList& families) {
  const ReloadRecord::Report report = sources.reloads->read();
  families.begin_counter("dotline_config_reloads_total",
                         "Reloads of the configuration, by result.");
  families.sample({{"result", "ok"}}, report.succeeded);
  families.sample({{"result", "failed"}}, report.failed);
  families.gauge("dotline_config_last_reload_successful",
                 "1 unless the last reload failed and the configuration before it stayed.",
                 report.last_error.empty() ? uint64_t{1} : uint64_t{0});
  families.gauge("dotline_config_loaded_timestamp_seconds",
                 "When the configuration in force was taken up.", unix_time(report.loaded));
  families.counter("dotline_log_lines_lost_total",
                   "Lines of the log that nobody will read: there was no room left for them.",
                   sources.log_lines_lost());
}

/// In Unix time; 0 until a certificate was seen.
uint64_t certificate_expiry(const Backend& backend) {
  const auto certificate = backend.shared->report().certificate;
  if (!certificate) return 0;
  return unix_time(certificate->not_after);
}

void add_backend_states(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_backend = [&](auto value_of) {
    for (const Backend& backend : sources.backends)
      families.sample({{"backend", backend.settings.name}}, value_of(backend));
  };
  families.begin_gauge("dotline_backend_up",
                       "1 if in rotation and some worker has or can open a session, else 0.");
  for_each_backend([](const Backend& backend) { return uint64_t{backend.shared->up()}; });
  families.begin_gauge("dotline_backend_in_rotation",
                       "1 if health checks let it be asked, else 0.");
  for_each_backend([](const Backend& backend) { return uint64_t{backend.shared->rotation.up()}; });
  families.begin_gauge("dotline_backend_overridden",
                       "1 while the operator holds it up or down, whatever checks say.");
  for_each_backend([](const Backend& backend) {
    return backend.shared->rotation.current_override() == backends::Rotation::Override::Auto ? uint64_t{0} : uint64_t{1};
  });
  families.begin_gauge("dotline_backend_sessions", "Sessions that are ready for queries.");
  for_each_backend([](const Backend& backend) {
    return sum(
        backend, [](const auto& counters) -> auto& { return counters.sessions; });
  });
  families.begin_gauge("dotline_backend_in_flight", "Queries sent and not yet answered.");
  for_each_backend([](const Backend& backend) {
    return sum(
        backend, [](const auto& counters) -> auto& { return counters.in_flight; });
  });
  families.begin_gauge("dotline_backend_certificate_expiry_timestamp_seconds",
                       "Until when the certificate is valid that the backend showed last; 0 before "
                       "the first.");
  for_each_backend(certificate_expiry);
  families.begin_counter("dotline_backend_queries_total", "Queries sent to the backend.");
  for_each_backend([](const Backend& backend) {
    return sum(
        backend, [](const auto& counters) -> auto& { return counters.queries; });
  });
  families.begin_counter("dotline_backend_over_budget_total",
                         "Questions that went elsewhere or waited since the backend's budget of "
                         "queries was spent.");
  for_each_backend([](const Backend& backend) {
    return sum(
        backend, [](const auto& counters) -> auto& { return counters.over_budget; });
  });
  families.begin_histogram("dotline_backend_response_duration_seconds",
                           "From sending a query to its answer.");
  for (const Backend& backend : sources.backends) {
    std::vector<const base::Histogram*> histograms;
    for (const backends::BackendLedger& ledger : backend.shared->ledgers)
      histograms.push_back(&ledger.counters.response_duration);
    families.sample({{"backend", backend.settings.name}}, histograms);
  }
}

void add_backend_events(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_backend_responses_total", "Answers of the backend, by rcode.");
  for (const Backend& backend : sources.backends) {
    for (size_t rcode = 0; rcode < backends::kRcodeNames.size(); ++rcode) {
      families.sample(
          {{"backend", backend.settings.name}, {"rcode", std::string(backends::kRcodeNames[rcode])}},
          sum(
              backend, [rcode](const auto& counters) -> auto& {
                return counters.responses[rcode];
              }));
    }
  }
  families.begin_counter("dotline_backend_failures_total",
                         "What went wrong with the backend, by class.");
  for (const Backend& backend : sources.backends) {
    for (size_t failure = 0; failure < backends::kFailureNames.size(); ++failure) {
      families.sample(
          {{"backend", backend.settings.name}, {"class", std::string(backends::kFailureNames[failure])}},
          sum(
              backend, [failure](const auto& counters) -> auto& {
                return counters.failures[backends::Failure(failure)];
              }));
    }
  }
  families.begin_counter("dotline_backend_health_checks_total", "Health checks, by result.");
  for (const Backend& backend : sources.backends) {
    const backends::Rotation& rotation = backend.shared->rotation;
    families.sample({{"backend", backend.settings.name}, {"result", "ok"}}, rotation.checks_good());
    for (size_t failure = 0; failure < backends::kFailureNames.size(); ++failure) {
      families.sample({{"backend", backend.settings.name},
                       {"result", std::string(backends::kFailureNames[failure])}},
                      rotation.checks_failed(backends::Failure(failure)));
    }
  }
  families.begin_counter("dotline_backend_handshakes_total", "TLS handshakes done, by kind.");
  for (const Backend& backend : sources.backends) {
    const std::string& name = backend.settings.name;
    families.sample(
        {{"backend", name}, {"kind", "full"}},
        sum(
            backend, [](const auto& counters) -> auto& { return counters.handshakes_full; }));
    families.sample(
        {{"backend", name}, {"kind", "resumed"}},
        sum(
            backend, [](const auto& counters) -> auto& { return counters.handshakes_resumed; }));
  }
}

}  // namespace

std::vector<const rules::ClientCounters*> MetricsSources::clients() const {
  std::vector<const rules::ClientCounters*> all;
  for (const Core& core : cores) all.push_back(core.counters);
  all.insert(all.end(), fronts.begin(), fronts.end());
  return all;
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  const std::shared_ptr<const MetricsSources> sources = sources_();
  FamilyList families;
  families.begin_gauge("dotline_build_info", "Always 1; the labels tell what runs.");
  families.sample({{"version", sources->version.dotline},
                   {"dpdk", sources->version.dpdk},
                   {"openssl", sources->version.openssl}},
                  uint64_t{1});
  add_ports(*sources, families);
  add_exceptions(*sources, families);
  add_queries(*sources, families);
  add_caches(*sources, families);
  add_connections(*sources, families);
  add_client_tls(*sources, families);
  add_misses(*sources, families);
  add_cores(*sources, families);
  add_backend_states(*sources, families);
  add_backend_events(*sources, families);
  add_parts_off(*sources, families);
  add_reloads(*sources, families);
  add_process_metrics(families);
  return families.take();
}

}  // namespace control

// What each backend is asked, how it answers, and whether it is asked at all.
#include <string>
#include <vector>

#include "control/metrics/subjects.h"
#include "control/metrics/sums.h"

namespace control {
namespace {

using Backend = questions::Configuration::Backend;
using Counters = backends::BackendCounters;
using backends::Failure;
using backends::kFailureNames;
using backends::Rotation;

/// In Unix time; 0 until a certificate was seen.
uint64_t certificate_expiry(const Backend& backend) {
  const auto certificate = backend.shared->report().certificate;
  if (!certificate) return 0;
  return unix_time(certificate->not_after);
}

/// Of all workers.
std::vector<const base::Histogram*> response_durations(const Backend& backend) {
  std::vector<const base::Histogram*> histograms;
  for (const backends::BackendLedger& ledger : backend.shared->ledgers)
    histograms.push_back(&ledger.counters.response_duration);
  return histograms;
}

uint64_t is_overridden(const Backend& backend) {
  return backend.shared->rotation.current_override() == Rotation::Override::Auto ? 0 : 1;
}

}  // namespace

void add_backend_states(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_backend = [&](auto value_of) {
    for (const Backend& backend : sources.backends)
      families.sample({{"backend", backend.settings.name}}, value_of(backend));
  };
  const auto sum_of = [](base::Counter Counters::*counter) {
    return [counter](const Backend& backend) { return sum(backend, counter); };
  };
  families.begin_gauge("dotline_backend_up",
                       "1 if in rotation and some worker has or can open a session, else 0.");
  for_each_backend([](const Backend& backend) { return uint64_t{backend.shared->up()}; });
  families.begin_gauge("dotline_backend_in_rotation",
                       "1 if health checks let it be asked, else 0.");
  for_each_backend([](const Backend& backend) { return uint64_t{backend.shared->rotation.up()}; });
  families.begin_gauge("dotline_backend_overridden",
                       "1 while the operator holds it up or down, whatever checks say.");
  for_each_backend(is_overridden);
  families.begin_gauge("dotline_backend_sessions", "Sessions that are ready for queries.");
  for_each_backend(sum_of(&Counters::sessions));
  families.begin_gauge("dotline_backend_in_flight", "Queries sent and not yet answered.");
  for_each_backend(sum_of(&Counters::in_flight));
  families.begin_gauge("dotline_backend_certificate_expiry_timestamp_seconds",
                       "Until when the certificate is valid that the backend showed last; 0 before "
                       "the first.");
  for_each_backend(certificate_expiry);
  families.begin_counter("dotline_backend_queries_total", "Queries sent to the backend.");
  for_each_backend(sum_of(&Counters::queries));
  families.begin_counter("dotline_backend_over_budget_total",
                         "Questions that went elsewhere or waited since the backend's budget of "
                         "queries was spent.");
  for_each_backend(sum_of(&Counters::over_budget));
  families.begin_histogram("dotline_backend_response_duration_seconds",
                           "From sending a query to its answer.");
  for_each_backend(response_durations);
}

void add_backend_events(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_backend = [&](const char* label, const auto& names, auto value_of) {
    for (const Backend& backend : sources.backends) {
      for (size_t i = 0; i < names.size(); ++i) {
        families.sample({{"backend", backend.settings.name}, {label, std::string(names[i])}},
                        value_of(backend, i));
      }
    }
  };
  families.begin_counter("dotline_backend_responses_total", "Answers of the backend, by rcode.");
  for_each_backend("rcode", backends::kRcodeNames, [](const Backend& backend, size_t rcode) {
    return sum(backend, &Counters::responses, rcode);
  });
  families.begin_counter("dotline_backend_failures_total",
                         "What went wrong with the backend, by class.");
  for_each_backend("class", kFailureNames, [](const Backend& backend, size_t failure) {
    return sum(backend, &Counters::failures, Failure(failure));
  });
  families.begin_counter("dotline_backend_health_checks_total", "Health checks, by result.");
  for (const Backend& backend : sources.backends) {
    const Rotation& rotation = backend.shared->rotation;
    const std::string& name = backend.settings.name;
    families.sample({{"backend", name}, {"result", "ok"}}, rotation.checks_good());
    for (size_t i = 0; i < kFailureNames.size(); ++i) {
      families.sample({{"backend", name}, {"result", std::string(kFailureNames[i])}},
                      rotation.checks_failed(Failure(i)));
    }
  }
  families.begin_counter("dotline_backend_handshakes_total", "TLS handshakes done, by kind.");
  for (const Backend& backend : sources.backends) {
    const std::string& name = backend.settings.name;
    families.sample({{"backend", name}, {"kind", "full"}},
                    sum(backend, &Counters::handshakes_full));
    families.sample({{"backend", name}, {"kind", "resumed"}},
                    sum(backend, &Counters::handshakes_resumed));
  }
}

}  // namespace control

// What clients ask and are told, and how their connections fare.
#include <string>
#include <vector>

#include "control/metrics/subjects.h"
#include "control/metrics/sums.h"

namespace control {
namespace {

using Clients = rules::ClientCounters;
using Front = frontend::Counters;

/// Cores count what they drop themselves; what the TAP did not take is known to its thread only.
uint64_t dropped(const MetricsSources& sources, rules::Drop reason) {
  if (reason == rules::Drop::ExceptionRefused)
    return sum_of_exceptions(sources, &ports::ExceptionPath::PortCounters::refused);
  return sum(sources.clients(), &Clients::dropped, reason);
}

}  // namespace

void add_queries(const MetricsSources& sources, FamilyList& families) {
  const std::vector<const Clients*> clients = sources.clients();
  families.begin_counter("dotline_packets_dropped_total",
                         "Frames and messages that got no reply, by reason.");
  families.samples("reason", rules::kDropNames,
                   [&](size_t i) { return dropped(sources, rules::Drop(i)); });
  families.begin_counter("dotline_queries_total",
                         "DNS queries read, by the transport they came over.");
  families.samples("transport", rules::kTransportNames,
                   [&](size_t i) { return sum(clients, &Clients::queries, rules::Transport(i)); });
  families.begin_counter("dotline_replies_total", "Replies sent, by what they were.");
  families.samples("outcome", rules::kOutcomeNames,
                   [&](size_t i) { return sum(clients, &Clients::replies, rules::Outcome(i)); });
  families.begin_histogram("dotline_reply_duration_seconds",
                           "From receiving a query to sending its reply.");
  families.samples("outcome", rules::kOutcomeNames, [&](size_t i) {
    std::vector<const base::Histogram*> histograms;
    for (const Clients* counters : clients) histograms.push_back(&counters->reply_duration[i]);
    return histograms;
  });
}

void add_connections(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_stream = [&](base::Counters<rules::Transport> Front::*counters) {
    for (size_t i = 0; i < rules::kTransportNames.size(); ++i) {
      const auto transport = rules::Transport(i);
      if (!rules::is_stream(transport)) continue;
      families.sample({{"transport", std::string(rules::kTransportNames[i])}},
                      sum(sources.fronts, counters, transport));
    }
  };
  families.begin_gauge("dotline_client_connections", "Connections of clients, by transport.");
  for_each_stream(&Front::open);
  families.begin_counter("dotline_client_connections_accepted_total",
                         "Connections of clients taken, by transport.");
  for_each_stream(&Front::accepted);
  families.begin_counter("dotline_client_connections_closed_total",
                         "Connections of clients that ended, by reason.");
  families.samples("reason", frontend::kClosedNames, [&](size_t i) {
    return sum(sources.fronts, &Front::closed, frontend::Closed(i));
  });
  families.begin_counter("dotline_client_connections_refused_total",
                         "Connections of clients that were not taken, by reason.");
  families.samples("reason", frontend::kRefusedNames, [&](size_t i) {
    return sum(sources.fronts, &Front::refused, frontend::Refused(i));
  });
  families.counter("dotline_client_reads_paused_total",
                   "Times a connection was not read from until its client had taken replies.",
                   sum(sources.fronts, &Front::paused));
}

void add_client_tls(const MetricsSources& sources, FamilyList& families) {
  using frontend::Closed;
  families.begin_counter("dotline_client_handshakes_total",
                         "TLS handshakes with clients, by how they ended.");
  families.sample({{"kind", "full"}}, sum(sources.fronts, &Front::handshakes_full));
  families.sample({{"kind", "resumed"}}, sum(sources.fronts, &Front::handshakes_resumed));
  uint64_t failed = 0;
  for (const Closed why : {Closed::HandshakeFailed, Closed::HandshakeTimeout, Closed::Http1InHello})
    failed += sum(sources.fronts, &Front::closed, why);
  families.sample({{"kind", "failed"}}, failed);
  families.begin_gauge("dotline_certificate_expiry_timestamp_seconds",
                       "Until when the certificate is valid that clients are shown.");
  for (const MetricsSources::ShownCertificate& shown : sources.certificates)
    families.sample({{"bind", shown.bind}}, unix_time(shown.expiry));
}

}  // namespace control

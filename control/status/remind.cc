#include "control/status/remind.h"

#include <chrono>
#include <string>
#include <vector>

namespace control {
namespace {

std::vector<backends::BackendReport> reports_in(const MetricsSources& sources) {
  std::vector<backends::BackendReport> reports;
  for (const auto& backend : sources.backends) reports.push_back(backend.shared->report());
  return reports;
}

std::vector<OwnCertificateReminder::Shown> shown_in(const MetricsSources& sources) {
  std::vector<OwnCertificateReminder::Shown> shown;
  for (const auto& one : sources.certificates) shown.push_back({one.bind, one.expiry});
  return shown;
}

/// Connections closed because their clients speak HTTP/1.1.
uint64_t closed_for_http_1(const MetricsSources& sources) {
  uint64_t closed = 0;
  for (const frontend::Counters* front : sources.fronts) {
    for (const frontend::Closed why : {frontend::Closed::Http1, frontend::Closed::Http1InHello})
      closed += front->closed[why].read();
  }
  return closed;
}

}  // namespace

void remind(AllReminders& reminders, const MetricsSources& sources, base::Time now, Log& log) {
  const auto date = std::chrono::system_clock::now();
  for (const std::string& line : reminders.backends.look(reports_in(sources), now, date))
    log.write(LogLevel::Warning, line);
  for (const std::string& line : reminders.own_certificates.look(shown_in(sources), now, date))
    log.write(LogLevel::Warning, line);
  if (const auto line = reminders.http_1.look(closed_for_http_1(sources), now))
    log.write(LogLevel::Warning, *line);
}

}  // namespace control

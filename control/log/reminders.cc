#include "control/log/reminders.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

namespace control {
namespace {

/// `what` is the certificate's subject in the sentence; `then` what follows from its end.
std::string expiry_line(const std::string& what, const char* then, backends::Date not_after,
                        backends::Date date) {
  const std::string when = fmt::format(
      "{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(not_after)));
  if (not_after <= date) return fmt::format("{} expired on {}; {}", what, when, then);
  const auto left = std::chrono::duration_cast<std::chrono::hours>(not_after - date).count();
  return fmt::format("{} expires on {}, in {} days and {} hours", what, when, left / 24, left % 24);
}

}  // namespace

Reminders::Reminders(const std::vector<backends::BackendSettings>& backends, base::Time now) {
  for (const backends::BackendSettings& backend : backends)
    subjects_.push_back({backend.name, backend.tls.key_log_file, now});
}

std::vector<std::string> Reminders::look(const std::vector<backends::BackendReport>& reports,
                                         base::Time now, backends::Date date) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < subjects_.size(); ++i) {
    Subject& subject = subjects_[i];
    if (!subject.key_log_file.empty() && now >= subject.keys_said + kKeyLogPause) {
      lines.push_back(fmt::format(
          "backend {}: the keys of its sessions are written to {}; whoever reads it can read every "
          "query",
          subject.name, subject.key_log_file));
      subject.keys_said = now;
    }
    const auto& certificate = reports[i].certificate;
    if (!certificate || certificate->not_after >= date + kSoon) continue;
    if (subject.expiry_said && now < *subject.expiry_said + kCertificatePause) continue;
    lines.push_back(expiry_line("backend " + subject.name + ": its certificate",
                                "new sessions are refused", certificate->not_after, date));
    subject.expiry_said = now;
  }
  return lines;
}

std::vector<std::string> OwnCertificateReminder::look(const std::vector<Shown>& shown,
                                                      base::Time now, backends::Date date) {
  std::vector<std::string> lines;
  for (const Shown& one : shown) {
    if (one.expiry >= date + Reminders::kSoon) continue;
    const auto said = said_.find(one.bind);
    if (said != said_.end() && now < said->second + Reminders::kCertificatePause) continue;
    lines.push_back(expiry_line(one.bind + ": the certificate that clients are shown",
                                "they are right not to trust it, and a restart would not show it",
                                one.expiry, date));
    said_[one.bind] = now;
  }
  return lines;
}

std::optional<std::string> Http1Reminder::look(uint64_t closed, base::Time now) {
  if (closed == told_ || (said_ && now < *said_ + kPause)) return std::nullopt;
  const uint64_t news = closed - std::exchange(told_, closed);
  said_ = now;
  return fmt::format(
      "{} {} closed whose client speaks HTTP/1.1: DNS over HTTPS needs HTTP/2 here; look for a "
      "proxy, a health check or an old library among its clients",
      news, news == 1 ? "connection was" : "connections were");
}

}  // namespace control

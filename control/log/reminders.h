// What the operator is told again and again while it stays so: that a backend's certificate expires
// soon, or one of our own, once a day; that keys of TLS sessions are written to a file, and that
// clients of DNS over HTTPS speak HTTP/1.1, once an hour.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/clock.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/backend_report.h"

namespace control {

class Reminders {
 public:
  /// Of keys, the start has told already.
  Reminders(const std::vector<backends::BackendSettings>& backends, base::Time now);

  /// What has to be said now. `reports`: of each backend, in the order of the settings; `date` is
  /// what certificates are measured by.
  [[nodiscard]] std::vector<std::string> look(const std::vector<backends::BackendReport>& reports,
                                              base::Time now, backends::Date date);

  static constexpr std::chrono::hours kSoon{7 * 24};
  static constexpr std::chrono::hours kCertificatePause{24};
  static constexpr std::chrono::hours kKeyLogPause{1};

 private:
  struct Subject {
    std::string name;
    std::string key_log_file;
    base::Time keys_said;
    std::optional<base::Time> expiry_said = std::nullopt;
  };
  std::vector<Subject> subjects_;  // One for each backend.
};

/// Of the certificates that we show to clients.
class OwnCertificateReminder {
 public:
  struct Shown {
    std::string bind;
    backends::Date expiry;
  };
  /// What has to be said now.
  [[nodiscard]] std::vector<std::string> look(const std::vector<Shown>& shown, base::Time now,
                                              backends::Date date);

 private:
  std::map<std::string, base::Time> said_;  // By bind.
};

/// Of clients that speak HTTP/1.1 where DNS over HTTPS is served over HTTP/2.
class Http1Reminder {
 public:
  /// What has to be said now, if anything. `closed`: connections closed for that since the start.
  [[nodiscard]] std::optional<std::string> look(uint64_t closed, base::Time now);

  static constexpr std::chrono::hours kPause{1};

 private:
  uint64_t told_ = 0;
  std::optional<base::Time> said_;
};

}  // namespace control

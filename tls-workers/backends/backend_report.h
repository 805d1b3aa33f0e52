// What people ask about a backend: what went wrong with it last, and until when its certificate is
// valid. Written when a session comes up or fails, so a lock is cheap enough.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "tls-workers/backends/fault.h"

namespace backends {

/// Dates are for people, and for certificates; nothing is timed by them.
using Date = std::chrono::system_clock::time_point;

struct BackendReport {
  struct LastFailure {
    Failure kind{};
    std::string text;
    Date at;
  };
  struct Certificate {
    Date not_after;
    Date seen;  // When a full handshake showed it.
  };
  std::optional<LastFailure> last_failure;
  std::optional<Certificate> certificate;
};

/// One worker's view of one backend. Written by that worker; any thread may read.
class BackendRecord {
 public:
  void failed(const Fault& fault, Date now = std::chrono::system_clock::now());
  void saw_certificate(Date not_after, Date now = std::chrono::system_clock::now());
  [[nodiscard]] BackendReport read() const;

 private:
  mutable std::mutex mutex_;
  BackendReport report_;
};

/// The latest that any of `records` knows.
[[nodiscard]] BackendReport latest(std::span<const BackendRecord* const> records);

}  // namespace backends

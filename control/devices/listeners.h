// The sockets that clients reach us at over TCP: each worker has one at every bind, or none of them
// has. They are opened at the start and never again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/log/log.h"
#include "tls-workers/frontend/listener.h"

namespace control {

/// What clients get at an address.
enum class Serving : uint8_t {
  All,
  UdpOnly,  // It is not listened on over TCP.
  Later,    // This machine does not have it.
  Nothing   // It is off.
};

class Listeners {
 public:
  /// Throws std::runtime_error if one cannot be opened and the configuration wants a strict start.
  Listeners(const Config& config, Log& log);

  /// In the order of the binds. Once for each worker.
  [[nodiscard]] std::vector<frontend::Listener> take(size_t worker) {
    return std::move(by_worker_[worker]);
  }

  // `config` is the one in force, whose binds are those of the start.

  /// Whether all that is configured is answered at an address.
  [[nodiscard]] bool is_up(const Config& config, size_t bind) const {
    return config.binds[bind].is_on() && listens(bind);
  }
  [[nodiscard]] Serving serving(const Config& config, const Machine& machine, size_t bind) const;
  /// Where it is not listened, and why: a line for each.
  [[nodiscard]] std::vector<std::string> off(const Config& config) const;

 private:
  void open(const Config& config, size_t bind);
  [[nodiscard]] bool listens(size_t bind) const { return faults_[bind].empty(); }

  std::vector<std::vector<frontend::Listener>> by_worker_;
  std::vector<std::string> faults_;  // By bind; empty: every worker listens there.
};

}  // namespace control

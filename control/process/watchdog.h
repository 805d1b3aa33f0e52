// Whether every thread moves: those that serve, and the one that watches over them. systemd's
// watchdog is for threads that hang, which a restart cures, and not for backends that are down.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/process/heartbeat.h"
#include "control/process/pulse.h"
#include "control/process/service_manager.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/counters.h"

namespace control {

class Watchdog {
 public:
  explicit Watchdog(base::Time now) : own_(now) {}

  /// `turns` outlives this. Before any other thread asks.
  void watch(std::string who, const base::Counter& turns);

  // The control thread, about once a second.

  /// First of all that is done then.
  void beat(base::Time now) { own_.beat(now); }
  void look();
  /// That all move and, in `status`, how we are; or which one does not.
  void tell(ServiceManager& manager, const std::string& status) const;

  /// Any thread. "core 3 does not move", of each that does not. What is known of the others is as
  /// old as the control thread's last look, so that one is judged first.
  [[nodiscard]] std::vector<std::string> standing(base::Time now) const;

 private:
  Pulse own_;
  std::vector<std::unique_ptr<Heartbeat>> heartbeats_;
};

}  // namespace control

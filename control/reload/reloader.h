// Another configuration comes into force while everything runs: the file is read, what may change
// does, and what came of it is told. All of it or nothing.
#pragma once

#include <functional>
#include <utility>

#include "control/config/config.h"
#include "control/config/machine.h"
#include "control/log/log.h"
#include "control/log/paced_log.h"
#include "control/log/reminders.h"
#include "control/process/service_manager.h"
#include "control/reload/reload_record.h"
#include "control/reload/reloaded.h"
#include "control/reload/topology.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/result.h"

namespace control {

/// Used by the control thread.
class Reloader {
 public:
  /// What a reload works on; it outlives this.
  struct Running {
    Config& in_force;
    Machine& machine;
    Topology& topology;
    Topology::Workers& workers;
    ServiceManager& manager;
    ReloadRecord& record;
    Log& log;
    PacedLog& paced_log;
    Reminders& reminders;
  };
  /// Called when another configuration has come into force; returns what is off under it.
  using InForce = std::function<Lines()>;

  Reloader(const Running& running, InForce in_force)
      : on_(running), in_force_(std::move(in_force)) {}

  /// Reads the file anew. What has changed, or why nothing has.
  base::Result<Reloaded, Lines> from_file();

  /// What files could not be used may be good now: they were replaced, or the clock was set. About
  /// once a second; looks less often than that.
  void look_again(base::Time now);

 private:
  base::Result<Reloaded, Lines> read_and_take_up();
  base::Result<Reloaded, Lines> take_up(Config next);

  const Running on_;
  const InForce in_force_;
  base::Time look_again_at_{};
};

}  // namespace control

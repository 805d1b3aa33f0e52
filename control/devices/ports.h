// The ports of a running dotline, and what becomes of them when their interfaces go, come back or
// change. The kernel rings (rtnetlink), and once a second it is looked anyway; what can be healed
// is: a program that was taken off is put back, and a port whose interface was away is opened anew,
// after every core has let go of it.
//
// Ports of DPDK's own drivers have no interface to look at, only a link.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/devices/port_condition.h"
#include "control/devices/port_judgement.h"
#include "control/log/paced_log.h"
#include "control/process/rights.h"
#include "control/reload/topology.h"
#include "dataplane/base/clock.h"
#include "dataplane/ports/link_watch.h"
#include "dataplane/ports/port.h"

namespace control {

class Ports {
 public:
  /// Whether one of several that cannot be opened, and may be able to later, keeps the others shut.
  enum class Missing : uint8_t { IsTried, IsAFault };
  /// Opens all of them; EAL runs. Throws std::runtime_error if one does not open that is of DPDK's
  /// own drivers, or that is `missing` where that is a fault, or if none does. `log` outlives this.
  Ports(const ports::EalSettings& settings, Missing missing, PacedLog& log);
  /// No core polls them any more.
  ~Ports();
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  // The control thread.

  /// What opening them anew takes, to be set aside.
  [[nodiscard]] std::vector<Capability> rights_to_keep() const;
  [[nodiscard]] size_t size() const { return places_.size(); }
  /// Nullptr if it is not open.
  [[nodiscard]] const ports::Port* port(size_t index) const {
    const std::optional<ports::Port>& port = places_[index]->port;
    return port ? &*port : nullptr;
  }
  [[nodiscard]] std::vector<poll::PortAccess> access() const;
  /// Can be read from when `hear` has something to do.
  [[nodiscard]] int descriptor() const { return watch_.descriptor(); }
  /// Looks at all of them if the kernel has rung.
  void hear(Topology& cores);
  /// Looks at all of them. About once a second.
  void look(Topology& cores);

  // Any thread.

  [[nodiscard]] const std::string& name(size_t index) const;
  [[nodiscard]] PortCondition condition(size_t index) const;
  /// Those that cannot serve, and why: "port af_xdp:eth0: the interface is gone".
  [[nodiscard]] std::vector<std::string> troubles() const;
  /// Since the start, over all the times that it was opened.
  [[nodiscard]] ports::PortStatistics statistics(size_t index) const;
  [[nodiscard]] uint64_t buffers_in_use(size_t index) const;

 private:
  /// Where a port belongs, whether it is there or not.
  struct Place {
    ports::PortSettings settings;
    unsigned index = 0;
    bool leaving = false;             // Cores are told to let go of it.
    std::optional<unsigned> renamed;  // Its interface, if that is there under another name.
    base::Time next_try{};

    mutable std::mutex mutex;  // For what other threads look at: the control thread alone writes.
    std::optional<ports::Port> port;
    ports::PortStatistics earlier;  // Of the port when it was opened before.
    PortCondition condition;
  };

  void look(const ports::LinkNews& news, Topology& cores);
  void look_at(Place& place, const ports::LinkNews& news, Topology& cores);
  void follow(Place& place, const ports::InterfaceState& now, Topology& cores);
  void leave(Place& place, const PortSight& sight, Topology& cores);
  static void close(Place& place);
  void try_to_open(Place& place, Topology& cores);
  void attach_program(Place& place);
  /// Says so if it is another reason than before; `if_none`: what to say if there is none any more.
  void set_why(Place& place, std::string why, std::string_view if_none = "it serves again");
  void write(LogLevel level, const Place& place, std::string_view text);

  const std::vector<base::Endpoint> binds_;
  PacedLog& log_;
  ports::LinkWatch watch_;
  std::vector<std::unique_ptr<Place>> places_;
};

}  // namespace control

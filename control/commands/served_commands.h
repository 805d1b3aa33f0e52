// What the running program does when it is told something over its control socket.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "control/commands/commands.h"
#include "control/log/log.h"
#include "control/reload/reloader.h"
#include "control/reload/topology.h"
#include "control/status/status.h"

namespace control {

class ServedCommands final : public Commanded {
 public:
  /// What commands are about; it outlives this. `status` may be asked by any thread.
  struct Running {
    Topology& topology;
    const Topology::Workers& workers;
    Reloader& reloader;
    Log& log;
    std::function<Status()> status;
  };

  explicit ServedCommands(Running running) : on_(std::move(running)) {}

  Status status() override { return on_.status(); }
  base::Result<Reloaded, Lines> reload() override { return on_.reloader.from_file(); }
  base::Result<uint64_t, std::string> flush(const FlushCache& what) override;
  base::Result<void, std::string> set_backend(const SetBackend& what) override;

 private:
  const Running on_;
};

}  // namespace control

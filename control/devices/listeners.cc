#include "control/devices/listeners.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "control/config/check.h"
#include "control/config/named_files.h"
#include "control/process/descriptors.h"

namespace control {

Listeners::Listeners(const Config& config, Log& log)
    : by_worker_(config.tls_workers.threads), faults_(config.binds.size()) {
  if (const auto fault = fault_of_descriptors(allow_all_descriptors(), config))
    log.write(LogLevel::Warning, *fault);
  for (size_t i = 0; i < config.binds.size(); ++i) open(config, i);
}

/// All workers or none: the kernel deals connections out among those that listen.
void Listeners::open(const Config& config, size_t bind) {
  const base::Endpoint& address = config.binds[bind].address;
  std::vector<frontend::Listener> made;
  while (made.size() < by_worker_.size()) {
    base::Result<frontend::Listener, std::string> one =
        frontend::Listener::open(address, config.stream_limits.listen_queue_size);
    if (!one) {
      if (config.strict_start) throw std::runtime_error(one.error());
      faults_[bind] = std::move(one.error());
      break;
    }
    made.push_back(std::move(*one));
  }
  for (size_t worker = 0; worker < by_worker_.size(); ++worker) {
    by_worker_[worker].push_back(listens(bind) ? std::move(made[worker])
                                               : frontend::Listener::none(address));
  }
}

/// Addresses of a TAP come when it is there, so that only the kernel's own are looked for.
Serving Listeners::serving(const Config& config, const Machine& machine, size_t bind) const {
  const Bind& one = config.binds[bind];
  const bool over_udp = one.protocol == Protocol::Do53;
  if (!one.is_on() || (!listens(bind) && !over_udp)) return Serving::Nothing;
  if (addresses_are_the_kernels(config) && !has_address(machine, one.address.address))
    return Serving::Later;
  return listens(bind) ? Serving::All : Serving::UdpOnly;
}

std::vector<std::string> Listeners::off(const Config& config) const {
  std::vector<std::string> off;
  for (size_t i = 0; i < config.binds.size(); ++i) {
    if (listens(i)) continue;
    const bool over_udp = config.binds[i].protocol == Protocol::Do53;
    off.push_back(fmt::format("{} is {}: {}; a restart tries it again", name_of(config.binds[i]),
                              over_udp ? "answered over UDP only" : "off", faults_[i]));
  }
  return off;
}

}  // namespace control

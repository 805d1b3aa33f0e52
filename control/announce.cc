#include "control/announce.h"

#include <fmt/format.h>
#include <rte_lcore.h>

#include <algorithm>
#include <optional>

#include "control/text/backend_text.h"
#include "control/text/version.h"
#include "dataplane/poll/hit_path.h"

namespace control {
namespace {

/// How clients ask, in words.
const char* way_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::Do53:
      return "UDP and TCP";
    case Protocol::DoT:
      return "TLS";
    case Protocol::DoH:
      break;
  }
  return "HTTPS";
}

/// Memory of another node takes half as long again to reach, so the core that polls a port should
/// be of its node.
void announce_queue(const Config& config, const ports::Port& port, unsigned core, Log& log) {
  const int cpu_node = static_cast<int>(rte_lcore_to_socket_id(core + 1));
  const std::optional<int> port_node = port.numa_node();
  log.write(LogLevel::Info, fmt::format("port {}: queue {} polled by CPU {} (NUMA node {})",
                                        port.name(), core, config.eal.cores[core], cpu_node));
  if (!port_node || *port_node == cpu_node) return;
  log.write(
      LogLevel::Warning,
      fmt::format("port {}: it is on NUMA node {}, and CPU {} is not; choose cores of that node",
                  port.name(), *port_node, config.eal.cores[core]));
}

}  // namespace

void announce_bind(const Bind& bind, Serving serving, Log& log) {
  const std::string address = bind.address.text();
  switch (serving) {
    case Serving::All:
      return log.write(LogLevel::Info,
                       fmt::format("answering at {} over {}", address, way_of(bind.protocol)));
    case Serving::UdpOnly:
      return log.write(LogLevel::Info, fmt::format("answering at {} over UDP", address));
    case Serving::Later:
      return log.write(
          LogLevel::Warning,
          fmt::format("{} is not on this machine: nobody can ask there until it is", address));
    case Serving::Nothing:
      return;  // Why was said.
  }
}

void announce_start(const Config& config, const Ports& ports, const ports::Eal& eal, Log& log) {
  log.write(
      LogLevel::Info,
      fmt::format("dotline {}: {} MB of memory, {}", version().dotline, eal.memory_megabytes(),
                  eal.uses_hugepages() ? "in hugepages" : "without hugepages"));
  for (size_t i = 0; i < ports.size(); ++i) {
    const ports::Port* port = ports.port(i);
    if (port == nullptr) continue;  // Why was said.
    for (unsigned core = 0; core < config.eal.cores.size(); ++core) {
      if (core >= config.eal.ports[i].queues) continue;
      announce_queue(config, *port, core, log);
    }
    if (const std::string& tap = config.eal.ports[i].tap; !tap.empty()) {
      log.write(LogLevel::Info,
                fmt::format("port {}: what is not ours goes to the kernel by tap:{}", ports.name(i),
                            tap));
    }
  }
  for (size_t i = 0; i < config.tls_workers.threads && !config.tls_workers.cpus.empty(); ++i) {
    log.write(LogLevel::Info,
              fmt::format("TLS worker {} runs on CPU {}", i,
                          config.tls_workers.cpus[i % config.tls_workers.cpus.size()]));
  }
  log.write(LogLevel::Info,
            fmt::format("cached answers take the {} path", poll::hit_paths().front().name));
  for (const backends::BackendSettings& backend : config.backends)
    log.write(LogLevel::Info, line_about(backend));
  log.write(LogLevel::Info,
            fmt::format("metrics at http://{}/metrics", config.metrics_address.text()));
  if (!config.control_socket.empty())
    log.write(LogLevel::Info, fmt::format("commands at {}", config.control_socket));
}

}  // namespace control

// The sections that lay claim to the machine: `dataplane` with its cores and ports, and the CPUs of
// `tls_workers`.
#include <algorithm>

#include "control/config/reader.h"
#include "control/yaml/values.h"
#include "dataplane/poll/counters.h"
#include "dataplane/poll/idle.h"

namespace control {
namespace {

constexpr uint64_t kLeastMegabytes = 64;  // One port's frames and rings take about half of it.
constexpr uint64_t kMostMegabytes = uint64_t{1} << 20;

constexpr Choice<poll::Idle> kIdles[] = {
    {"busy", poll::Idle::Busy}, {"pause", poll::Idle::Pause}, {"sleep", poll::Idle::Sleep}};
constexpr Choice<ports::Hugepages> kHugepages[] = {{"auto", ports::Hugepages::Auto},
                                                   {"require", ports::Hugepages::Require},
                                                   {"off", ports::Hugepages::Off}};
constexpr std::string_view kTap = "tap:";
constexpr Choice<ports::DeviceKind> kDeviceKinds[] = {{"af_xdp", ports::DeviceKind::AfXdp},
                                                      {"af_packet", ports::DeviceKind::AfPacket},
                                                      {"pci", ports::DeviceKind::Pci},
                                                      {"vdev", ports::DeviceKind::Vdev}};

bool contains(const std::vector<unsigned>& cpus, unsigned cpu) {
  return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
}

unsigned read_cpu(const YamlNode& node, std::string_view name, Reading& reading) {
  const auto number = read_number(node, name, {0, UINT16_MAX}, reading.errors);
  if (!number) return 0;
  const auto cpu = static_cast<unsigned>(*number);
  const Machine& machine = reading.machine;
  if (!contains(machine.online_cpus, cpu)) {
    reading.errors.add(node.place, quote(name, node.text) +
                                       " is not a CPU of this machine, expected one of " +
                                       cpu_list(machine.online_cpus));
  } else if (!contains(machine.allowed_cpus, cpu)) {
    reading.errors.add(node.place, quote(name, node.text) +
                                       " is outside this process's CPU affinity, expected one of " +
                                       cpu_list(machine.allowed_cpus));
  }
  return cpu;
}

/// One for each node, so that they stay side by side; what is no number is CPU 0.
std::vector<unsigned> read_cpus(std::span<const YamlNode> nodes, std::string_view name,
                                Reading& reading) {
  std::vector<unsigned> cpus;
  for (const YamlNode& node : nodes) cpus.push_back(read_cpu(node, name, reading));
  return cpus;
}

void read_cores(Section& section, Reading& reading) {
  const auto nodes = section.list("cores", ports::kMaxCores);
  std::vector<unsigned>& cores = reading.config.eal.cores;
  if (nodes) cores = read_cpus(*nodes, "cores", reading);
  if (nodes && nodes->empty()) {
    reading.errors.add(section.place_of("cores"), "`cores` is empty, expected at least one CPU");
  }
  // Interrupts and every program's first thread tend to be on the lowest one.
  if (cores.empty()) cores = {reading.machine.allowed_cpus.back()};
}

void read_memory(Section& section, ports::EalSettings& eal) {
  const std::string expected = "a size from 64M to 1024G, such as 512M or 2G";
  const auto text = section.text("memory", expected);
  if (!text) return;
  const auto megabytes = parse_megabytes(*text);
  if (!megabytes) {
    section.refuse("memory", "is not a size, expected " + expected);
  } else if (*megabytes < kLeastMegabytes || *megabytes > kMostMegabytes) {
    section.refuse("memory", "is out of range, expected " + expected);
  } else {
    eal.memory_megabytes = static_cast<unsigned>(*megabytes);
  }
}

/// Complains about a target that its kind of device cannot have.
void check_target(Section& section, const ports::PortSettings& port) {
  switch (port.kind) {
    case ports::DeviceKind::AfXdp:
    case ports::DeviceKind::AfPacket:
      if (is_interface_name(port.target)) return;
      return section.refuse("device",
                            "names no interface, expected 1 to 15 characters without slash, colon "
                            "and space after the colon");
    case ports::DeviceKind::Pci:
      if (is_pci_address(port.target)) return;
      return section.refuse("device", "is not a PCI address, expected the form pci:0000:03:00.0");
    case ports::DeviceKind::Vdev:
      if (!port.target.empty()) return;
      return section.refuse("device", "is empty, expected DPDK's device arguments after the colon");
  }
}

/// False if there is no telling what kind of device it was to be.
bool read_device(Section& section, ports::PortSettings& port) {
  constexpr std::string_view kExpected =
      "af_xdp:INTERFACE, af_packet:INTERFACE, pci:0000:03:00.0 or vdev:ARGUMENTS";
  section.require("device", kExpected);
  const auto text = section.text("device", kExpected);
  if (!text) return false;
  port.device = *text;
  const size_t colon = text->find(':');
  if (colon != std::string::npos) port.target = text->substr(colon + 1);
  for (const auto& [name, kind] : kDeviceKinds) {
    if (text->substr(0, colon) != name) continue;
    port.kind = kind;
    check_target(section, port);
    return true;
  }
  section.refuse("device", "is unknown, expected " + std::string(kExpected));
  return false;
}

bool is_kernels_own(ports::DeviceKind kind) {
  return kind == ports::DeviceKind::AfXdp || kind == ports::DeviceKind::AfPacket;
}

/// False if it is none of the values there are.
bool read_exception(Section& section, ports::PortSettings& port) {
  constexpr std::string_view kExpected = "one of `kernel` `tap:NAME` `none`";
  const auto text = section.text("exception", kExpected);
  if (!text) return false;
  if (*text == "kernel") {
    port.exception = ports::Exception::Kernel;
  } else if (*text == "none") {
    port.exception = ports::Exception::None;
  } else if (text->starts_with(kTap)) {
    port.exception = ports::Exception::Tap;
    port.tap = text->substr(kTap.size());
  } else {
    section.refuse("exception", "is unknown, expected " + std::string(kExpected));
    return false;
  }
  return true;
}

/// What a kind of device can have: the kernel sees what is not ours by itself, or only by a TAP.
void check_exception(Section& section, const ports::PortSettings& port) {
  const bool is_tap = port.exception == ports::Exception::Tap;
  if (is_kernels_own(port.kind)) {
    if (port.exception == ports::Exception::Kernel) return;
    section.refuse("exception",
                   "cannot be had on af_xdp and af_packet, where the kernel keeps what is not "
                   "ours; expected `kernel`");
  } else if (port.exception == ports::Exception::Kernel) {
    section.refuse("exception",
                   "needs a device that the kernel drives, af_xdp or af_packet; expected "
                   "`tap:NAME` or `none`");
  } else if (is_tap && (!is_interface_name(port.tap) || port.tap.find('%') != std::string::npos)) {
    // The kernel would take a percent sign for a pattern and make up a name.
    section.refuse("exception",
                   "names no interface, expected 1 to 15 characters without slash, colon, percent "
                   "sign and space after the colon");
  }
}

ports::PortSettings read_port(const YamlNode& node, Reading& reading) {
  Section section(&node, "dataplane.ports", reading.errors);
  ports::PortSettings port;
  port.queues = static_cast<uint16_t>(reading.config.eal.cores.size());
  const bool is_known = read_device(section, port);
  section.number("queues", port.queues, {1, ports::kMaxCores});
  section.number("vlan", port.vlan, {0, 4094});
  section.flag("verify_checksum", port.verify_checksum);
  port.exception = is_kernels_own(port.kind) ? ports::Exception::Kernel : ports::Exception::None;
  if (read_exception(section, port) && is_known) check_exception(section, port);
  section.refuse_unknown();
  return port;
}

}  // namespace

void read_dataplane(Section section, Reading& reading) {
  read_cores(section, reading);
  section.choice("idle", reading.config.idle, kIdles);
  read_memory(section, reading.config.eal);
  section.choice("hugepages", reading.config.eal.hugepages, kHugepages);
  section.number("max_misses_per_client", reading.config.max_misses_per_client, {1, 65'535});
  for (const YamlNode& node : section.filled_list("ports", poll::kMaxPorts, "port")) {
    reading.config.eal.ports.push_back(read_port(node, reading));
  }
  section.refuse_unknown();
}

void read_tls_workers(Section section, Reading& reading) {
  TlsWorkers& workers = reading.config.tls_workers;
  section.number("threads", workers.threads, {1, kMaxWorkers});
  section.number("sessions_per_backend", workers.sessions_per_backend, {1, 64});
  section.flag("hedging", workers.hedging);
  const auto nodes = section.list("cpus", kMaxWorkers);
  if (nodes) {
    workers.cpus = read_cpus(*nodes, "cpus", reading);
  } else {
    for (const unsigned cpu : reading.machine.allowed_cpus) {
      if (!contains(reading.config.eal.cores, cpu)) workers.cpus.push_back(cpu);
    }
  }
  section.refuse_unknown();
}

}  // namespace control

#include "control/config/check.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/text/escape.h"
#include "control/yaml/section.h"

namespace control {
namespace {

/// The item `index` of the list at `path`, or what of the way there exists.
Place place_of(const YamlNode& root, std::initializer_list<std::string_view> path, size_t index,
               std::string_view key = "") {
  const YamlNode* node = &root;
  for (const std::string_view name : path) {
    const YamlNode* child = node->find(name);
    if (child == nullptr) return node->place;
    node = child;
  }
  if (index >= node->children.size()) return node->place;
  node = &node->children[index];
  const YamlNode* child = key.empty() ? nullptr : node->find(key);
  return child == nullptr ? node->place : child->place;
}

/// Complains at each of `count` things whose text an earlier one has, too.
void refuse_twins(size_t count, const std::function<std::string(size_t)>& text_of,
                  const std::function<Place(size_t)>& place_of_thing, std::string_view what,
                  ConfigErrors& errors) {
  std::map<std::string, size_t> first;
  for (size_t i = 0; i < count; ++i) {
    const std::string text = text_of(i);
    const auto [earlier, is_new] = first.emplace(text, i);
    if (is_new) continue;
    errors.add_unless_known(place_of_thing(i),
                            quote(what, text) +
                                " is used twice, expected a different one; first in line " +
                                std::to_string(place_of_thing(earlier->second).line));
  }
}

void check_cores(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  refuse_twins(
      config.eal.cores.size(), [&](size_t i) { return std::to_string(config.eal.cores[i]); },
      [&](size_t i) {
        return place_of(root, {"dataplane", "cores"}, i);
      },
      "cores", errors);
  for (size_t i = 0; i < config.tls_workers.cpus.size(); ++i) {
    const unsigned cpu = config.tls_workers.cpus[i];
    const auto& cores = config.eal.cores;
    if (std::find(cores.begin(), cores.end(), cpu) == cores.end()) continue;
    errors.warn(place_of(root, {"tls_workers", "cpus"}, i),
                "`cpus`: CPU " + std::to_string(cpu) + " polls, so it has little time for TLS");
  }
}

/// The interface or address behind a device: af_xdp and af_packet reach for the same ones.
std::string claimed_by(const ports::PortSettings& port) {
  switch (port.kind) {
    case ports::DeviceKind::AfXdp:
    case ports::DeviceKind::AfPacket:
      return "interface " + port.target;
    case ports::DeviceKind::Pci:
      return "pci " + port.target;
    case ports::DeviceKind::Vdev:
      break;
  }
  return "vdev " + port.target;
}

/// A TAP is one port's, and no interface that a port already uses.
void check_taps(const std::vector<ports::PortSettings>& ports, const YamlNode& root,
                ConfigErrors& errors) {
  std::map<std::string, Place> taken;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].exception != ports::Exception::Kernel) continue;
    taken.emplace(ports[i].target, place_of(root, {"dataplane", "ports"}, i, "device"));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].exception != ports::Exception::Tap) continue;
    const Place place = place_of(root, {"dataplane", "ports"}, i, "exception");
    const auto [earlier, is_new] = taken.emplace(ports[i].tap, place);
    if (is_new) continue;
    errors.add_unless_known(place, quote("exception", "tap:" + ports[i].tap) +
                                       " names an interface that a port uses already, expected "
                                       "one of its own; see line " +
                                       std::to_string(earlier->second.line));
  }
}

void check_ports(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  const std::vector<ports::PortSettings>& ports = config.eal.ports;
  refuse_twins(
      ports.size(), [&](size_t i) { return claimed_by(ports[i]); },
      [&](size_t i) {
        return place_of(root, {"dataplane", "ports"}, i, "device");
      },
      "device", errors);
  check_taps(ports, root, errors);
  // Queue q of every port belongs to core q; a core without one would idle, a queue without one
  // would fill up unread.
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].queues == config.eal.cores.size()) continue;
    errors.add_unless_known(place_of(root, {"dataplane", "ports"}, i, "queues"),
                            "`queues` is " + std::to_string(ports[i].queues) + ", expected " +
                                std::to_string(config.eal.cores.size()) +
                                ": one for each of `dataplane.cores`");
  }
}

void check_caches(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  const std::vector<PacketCache>& caches = config.packet_caches;
  const auto place = [&](size_t i) { return place_of(root, {"packet_caches"}, i, "name"); };
  refuse_twins(
      caches.size(), [&](size_t i) { return caches[i].name; }, place, "name", errors);
  for (size_t i = 0; i < caches.size(); ++i) {
    const dns::LifetimeLimits& limits = caches[i].limits;
    if (limits.min_ttl > limits.max_ttl) {
      errors.add_unless_known(place_of(root, {"packet_caches"}, i, "min_ttl"),
                              "`min_ttl` is " + std::to_string(limits.min_ttl) +
                                  ", expected at most `max_ttl`, which is " +
                                  std::to_string(limits.max_ttl));
    }
    const bool is_used = std::any_of(config.pools.begin(), config.pools.end(),
                                     [&](const Pool& pool) { return pool.packet_cache == i; });
    if (!is_used)
      errors.warn(place(i), quote("packet_caches", caches[i].name) + " is used by no pool");
  }
}

bool serves(const backends::BackendSettings& backend, dns::PoolId pool) {
  return std::find(backend.pools.begin(), backend.pools.end(), pool) != backend.pools.end();
}

/// A name belongs to one pool.
void check_domains(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  struct Domain {
    const std::string* text;
    Place place;
  };
  std::vector<Domain> domains;
  const YamlNode* pools = root.find("pools");
  for (size_t i = 0; i < config.pools.size() && pools != nullptr; ++i) {
    for (size_t k = 0; k < config.pools[i].domains.size(); ++k) {
      domains.push_back(
          {&config.pools[i].domains[k], place_of(pools->children[i], {"domains"}, k)});
    }
  }
  refuse_twins(
      domains.size(), [&](size_t i) { return *domains[i].text; },
      [&](size_t i) { return domains[i].place; }, "domains", errors);
}

void check_pools(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  const std::vector<Pool>& pools = config.pools;
  const auto place = [&](size_t i) { return place_of(root, {"pools"}, i, "name"); };
  refuse_twins(
      pools.size(), [&](size_t i) { return pools[i].name; }, place, "name", errors);
  // Where a backend or its pools could not be read, it is not known what serves which pool.
  const bool all_backends_have_pools =
      !config.backends.empty() &&
      std::none_of(config.backends.begin(), config.backends.end(),
                   [](const auto& backend) { return backend.pools.empty(); });
  for (size_t i = 0; i < pools.size(); ++i) {
    const dns::PoolId id{static_cast<uint8_t>(i)};
    const std::string name = quote("pools", pools[i].name);
    const bool is_served = std::any_of(config.backends.begin(), config.backends.end(),
                                       [&](const auto& backend) { return serves(backend, id); });
    const bool is_asked = std::any_of(config.binds.begin(), config.binds.end(),
                                      [&](const Bind& bind) { return bind.pool == id; }) ||
                          !pools[i].domains.empty();
    if (is_asked && !is_served && all_backends_have_pools) {
      errors.add_unless_known(place(i),
                              name + " has no backend, expected one that lists it in its `pools`");
    }
    if (!is_asked)
      errors.warn(place(i),
                  name + " is asked for nothing: no bind uses it, and it has no `domains`");
    if (!pools[i].packet_cache)
      errors.warn(place(i), name + " keeps no answers: it has no `packet_cache`");
  }
}

void check_backends(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  const std::vector<backends::BackendSettings>& backends = config.backends;
  const auto address_place = [&](size_t i) { return place_of(root, {"backends"}, i, "address"); };
  const auto name_place = [&](size_t i) {
    const Place given = place_of(root, {"backends"}, i, "name");
    // Without a name of its own, a backend is called by its address.
    return given == place_of(root, {"backends"}, i) ? address_place(i) : given;
  };
  refuse_twins(
      backends.size(), [&](size_t i) { return backends[i].name; }, name_place, "name", errors);
  for (size_t i = 0; i < backends.size(); ++i) {
    const bool is_ours =
        std::any_of(config.binds.begin(), config.binds.end(),
                    [&](const Bind& bind) { return bind.address == backends[i].address; });
    if (is_ours) {
      errors.add_unless_known(address_place(i),
                              quote("address", backends[i].where()) +
                                  " is one of `binds`, expected another server: this one "
                                  "would ask itself");
    }
  }
}

/// They may come later, and the machine may be another one than that which is asked.
void look_for_interfaces(const Config& config, const Machine& machine, const YamlNode& root,
                         ConfigErrors& errors) {
  if (!machine.interfaces) return;
  for (size_t i = 0; i < config.eal.ports.size(); ++i) {
    const ports::PortSettings& port = config.eal.ports[i];
    const bool is_kernels =
        port.kind == ports::DeviceKind::AfXdp || port.kind == ports::DeviceKind::AfPacket;
    if (!is_kernels ||
        std::ranges::find(*machine.interfaces, port.target) != machine.interfaces->end())
      continue;
    errors.warn(place_of(root, {"dataplane", "ports"}, i, "device"),
                "`device`: this machine has no interface `" + escaped(port.target, 15) + "`");
  }
}

void look_for_addresses(const Config& config, const Machine& machine, const YamlNode& root,
                        ConfigErrors& errors) {
  if (!addresses_are_the_kernels(config)) return;
  for (size_t i = 0; i < config.binds.size(); ++i) {
    const base::Endpoint& address = config.binds[i].address;
    if (address.port == 0 || has_address(machine, address.address)) continue;
    errors.warn(place_of(root, {"binds"}, i, "address"),
                quote("address", address.address.text()) +
                    " is no address of this machine: nobody can ask there until it is");
  }
}

void check_binds(const Config& config, const YamlNode& root, ConfigErrors& errors) {
  refuse_twins(
      config.binds.size(), [&](size_t i) { return config.binds[i].address.text(); },
      [&](size_t i) { return place_of(root, {"binds"}, i, "address"); }, "address", errors);
}

}  // namespace

bool addresses_are_the_kernels(const Config& config) {
  return std::ranges::all_of(config.eal.ports, [](const ports::PortSettings& port) {
    return port.kind == ports::DeviceKind::AfXdp || port.kind == ports::DeviceKind::AfPacket;
  });
}

void check_config(const Config& config, const Machine& machine, const YamlNode& root,
                  ConfigErrors& errors) {
  check_cores(config, root, errors);
  check_ports(config, root, errors);
  check_caches(config, root, errors);
  check_domains(config, root, errors);
  check_pools(config, root, errors);
  check_backends(config, root, errors);
  check_binds(config, root, errors);
  look_for_interfaces(config, machine, root, errors);
  look_for_addresses(config, machine, root, errors);
}

}  // namespace control

#include "control/config/machine.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

#include "control/yaml/values.h"

namespace control {
namespace {

constexpr unsigned kMaxCpus = 8192;  // Of any Linux kernel so far.

/// The kernel's list form: "0-3,6".
std::vector<unsigned> parse_cpu_list(std::string_view list) {
  std::vector<unsigned> cpus;
  const char* at = list.data();
  const char* const end = list.data() + list.size();
  while (at < end) {
    unsigned first = 0;
    const auto [after_first, error] = std::from_chars(at, end, first);
    if (error != std::errc()) break;
    at = after_first;
    unsigned last = first;
    if (at < end && *at == '-') {
      at = std::from_chars(at + 1, end, last).ptr;
    }
    for (unsigned cpu = first; cpu <= last && cpu < kMaxCpus; ++cpu) cpus.push_back(cpu);
    if (at < end && *at == ',') ++at;
  }
  return cpus;
}

std::vector<unsigned> cpus_allowed() {
  std::vector<unsigned> cpus;
  cpu_set_t* set = CPU_ALLOC(kMaxCpus);
  const size_t size = CPU_ALLOC_SIZE(kMaxCpus);
  if (sched_getaffinity(0, size, set) == 0) {
    for (unsigned cpu = 0; cpu < kMaxCpus; ++cpu) {
      if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(cpu);
    }
  }
  CPU_FREE(set);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::optional<base::IpAddress> address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return base::IpAddress::v4(reinterpret_cast<const std::byte*>(&v4->sin_addr));
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  return base::IpAddress::v6(reinterpret_cast<const std::byte*>(&v6->sin6_addr));
}

}  // namespace

void look_at_network(Machine& machine) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return;
  machine.interfaces.emplace();
  machine.addresses.emplace();
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    machine.interfaces->emplace_back(one->ifa_name);
    if (const auto address = address_of(one->ifa_addr)) machine.addresses->push_back(*address);
  }
  freeifaddrs(first);
}

bool has_address(const Machine& machine, const base::IpAddress& address) {
  if (!machine.addresses || is_loopback(address)) return true;
  return std::ranges::find(*machine.addresses, address) != machine.addresses->end();
}

Machine this_machine() {
  std::ifstream file("/sys/devices/system/cpu/online");
  std::string list;
  std::getline(file, list);
  Machine machine{parse_cpu_list(list), cpus_allowed()};
  // Without sysfs, what we may use is all that is known to exist.
  if (machine.online_cpus.empty()) machine.online_cpus = machine.allowed_cpus;
  look_at_network(machine);
  return machine;
}

}  // namespace control

#include "dataplane/ports/eal_plan.h"

#include <dirent.h>
#include <linux/mman.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "dataplane/cache/pages.h"
#include "dataplane/poll/counters.h"

namespace ports {
namespace {

using base::Result;

constexpr uint64_t kKilobytesPerMegabyte = 1024;
constexpr const char* kHugepagesFolder = "/sys/kernel/mm/hugepages";

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

uint64_t read_number(const std::string& path) {
  unsigned long long number = 0;
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "re"), fclose);
  if (file == nullptr || fscanf(file.get(), "%llu", &number) != 1) return 0;
  return number;
}

/// "hugepages-2048kB" → 2048.
std::optional<uint64_t> page_size_of(std::string_view folder) {
  constexpr std::string_view kPrefix = "hugepages-";
  if (!folder.starts_with(kPrefix)) return std::nullopt;
  folder.remove_prefix(kPrefix.size());
  uint64_t kilobytes = 0;
  const auto [rest, error] =
      std::from_chars(folder.data(), folder.data() + folder.size(), kilobytes);
  if (error != std::errc{} || std::string_view(rest) != "kB") return std::nullopt;
  return kilobytes;
}

std::vector<FreeHugepages> free_hugepages() {
  std::vector<FreeHugepages> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(kHugepagesFolder), closedir);
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder.get())) {
    const auto kilobytes = page_size_of(entry->d_name);
    if (!kilobytes) continue;
    const std::string path = std::string(kHugepagesFolder) + "/" + entry->d_name;
    // A page that a process has mapped and not touched yet still counts as free, and is not to be
    // had.
    const uint64_t free = read_number(path + "/free_hugepages");
    const uint64_t reserved = read_number(path + "/resv_hugepages");
    found.push_back({*kilobytes, free - std::min(free, reserved)});
  }
  return found;
}

/// Takes as many pages of one size as can be had, `wanted` at most, and gives them back. How many.
uint64_t try_pages(uint64_t page_kilobytes, uint64_t wanted) {
  const size_t size = page_kilobytes * kKilobytesPerMegabyte;
  const int flags =
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | std::countr_zero(size) << MAP_HUGE_SHIFT;
  std::vector<void*> taken;
  while (taken.size() < wanted) {
    void* const page = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (page == MAP_FAILED) break;
    taken.push_back(page);
    if (cache::populate(static_cast<std::byte*>(page), size)) continue;
    munmap(page, size);
    taken.pop_back();
    break;
  }
  for (void* const page : taken) munmap(page, size);
  return taken.size();
}

/// As EAL will do it: the largest pages first. Of a size that is not needed, none is denied.
void try_hugepages(uint64_t megabytes, std::vector<FreeHugepages>& sizes) {
  std::ranges::sort(sizes, std::greater<>{}, &FreeHugepages::page_kilobytes);
  uint64_t left = megabytes * kKilobytesPerMegabyte;
  for (FreeHugepages& size : sizes) {
    const uint64_t wanted =
        std::min(size.pages, (left + size.page_kilobytes - 1) / size.page_kilobytes);
    const uint64_t had = try_pages(size.page_kilobytes, wanted);
    if (had < wanted) size.denied = size.pages - had;
    left -= std::min(left, had * size.page_kilobytes);
  }
}

std::string list_of(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) {
    if (!text.empty()) text += ",";
    text += std::to_string(cpu);
  }
  return text;
}

Result<void, std::string> check_cores(const EalSettings& settings, const Machine& machine) {
  if (settings.cores.empty())
    return base::fail(std::string("dataplane.cores: none given, one CPU at least has to poll"));
  if (settings.cores.size() > kMaxCores) {
    return base::fail("dataplane.cores: " + std::to_string(settings.cores.size()) +
                      " given, at most " + std::to_string(kMaxCores) + " can poll");
  }
  std::set<unsigned> seen;
  for (const unsigned core : settings.cores) {
    if (!seen.insert(core).second) {
      return base::fail("dataplane.cores: CPU " + std::to_string(core) + " is given twice");
    }
    if (std::ranges::find(machine.cpus, core) == machine.cpus.end()) {
      return base::fail("dataplane.cores: CPU " + std::to_string(core) +
                        " is not one that this process may run on (" + list_of(machine.cpus) + ")");
    }
  }
  return {};
}

std::vector<unsigned> control_cpus_of(const EalSettings& settings, const Machine& machine) {
  std::vector<unsigned> control;
  for (const unsigned cpu : machine.cpus) {
    if (std::ranges::find(settings.cores, cpu) == settings.cores.end()) control.push_back(cpu);
  }
  return control.empty() ? machine.cpus : control;
}

std::string lcores_argument(const EalSettings& settings, const std::vector<unsigned>& control) {
  std::string text = "--lcores=0@(" + list_of(control) + ")";
  for (size_t i = 0; i < settings.cores.size(); ++i) {
    text.append(",")
        .append(std::to_string(i + 1))
        .append("@")
        .append(std::to_string(settings.cores[i]));
  }
  return text;
}

uint64_t megabytes_of(const FreeHugepages& size, uint64_t pages) {
  return size.page_kilobytes * pages / kKilobytesPerMegabyte;
}

/// What is free, and what of it can be had.
uint64_t free_megabytes(const Machine& machine) {
  uint64_t megabytes = 0;
  for (const FreeHugepages& size : machine.hugepages) megabytes += megabytes_of(size, size.pages);
  return megabytes;
}
uint64_t obtainable_megabytes(const Machine& machine) {
  uint64_t megabytes = 0;
  for (const FreeHugepages& size : machine.hugepages)
    megabytes += megabytes_of(size, size.pages - size.denied);
  return megabytes;
}

std::string list_of(const std::vector<FreeHugepages>& sizes) {
  std::string text;
  for (const FreeHugepages& size : sizes) {
    if (!text.empty()) text += " and ";
    text += std::to_string(size.pages) + " of " + std::to_string(size.page_kilobytes) + " kB";
  }
  return text.empty() ? "none" : text;
}

/// "512 MB needed (256 of 2048 kB)".
std::string hugepages_needed(const EalSettings& settings) {
  const unsigned needed = (settings.memory_megabytes + 1) / 2;
  return std::to_string(settings.memory_megabytes) + " MB needed (" + std::to_string(needed) +
         " of 2048 kB)";
}

std::string hugepages_missing(const EalSettings& settings, const Machine& machine) {
  return "hugepages: " + list_of(machine.hugepages) + " free, " + hugepages_needed(settings) +
         "; make them with: sysctl vm.nr_hugepages=" +
         std::to_string((settings.memory_megabytes + 1) / 2);
}

/// There are enough, and not for us.
std::string hugepages_denied(const EalSettings& settings, const Machine& machine) {
  return "hugepages: " + list_of(machine.hugepages) + " free, " + hugepages_needed(settings) +
         ", and this process gets " + std::to_string(obtainable_megabytes(machine)) +
         " MB of them; see the limit of its cgroup (hugetlb.*.max, hugetlb.*.limit_in_bytes)";
}

Result<bool, std::string> choose_hugepages(const EalSettings& settings, const Machine& machine,
                                           std::vector<std::string>& notes) {
  if (settings.hugepages == Hugepages::Off) return false;
  const bool enough_free = free_megabytes(machine) >= settings.memory_megabytes;
  std::string why_not;
  if (!enough_free) {
    why_not = hugepages_missing(settings, machine);
  } else if (machine.address_space_is_limited) {
    // EAL sets aside addresses for all of the machine's memory, not only for what it takes.
    why_not = "hugepages: the address space of this process is limited (ulimit -v)";
  } else if (obtainable_megabytes(machine) < settings.memory_megabytes) {
    why_not = hugepages_denied(settings, machine);
  }
  if (why_not.empty()) return true;
  if (settings.hugepages == Hugepages::Require) return base::fail(std::move(why_not));
  // That there are none is how most machines are.
  if (enough_free) notes.push_back(why_not + "; going without");
  return false;
}

/// How many megabytes EAL is given. Hugepages do not count as a process's memory.
Result<unsigned, std::string> fit_memory(const EalSettings& settings, const Machine& machine,
                                         EalPlan& plan) {
  const unsigned wanted = settings.memory_megabytes;
  if (!machine.left) return wanted;
  const uint64_t left = machine.left->octets >> 20;
  const uint64_t other = machine.other_megabytes;
  if (left >= other + (plan.hugepages ? 0 : wanted)) return wanted;
  const std::string found =
      "dataplane.memory: " + std::to_string(wanted) + " MB wanted for packet buffers" +
      (plan.hugepages ? ", which are in hugepages," : "") + " and about " + std::to_string(other) +
      " MB for all else, and " + machine.left->limit + " leaves " + std::to_string(left) + " MB";
  if (plan.hugepages || left < other + kLeastMegabytes) return base::fail(found);
  plan.notes.push_back(found + "; taking " + std::to_string(left - other) + " MB");
  return static_cast<unsigned>(left - other);
}

/// Either way no file outlives the process, and no hugetlbfs mount is needed.
void add_memory_arguments(EalPlan& plan) {
  if (plan.hugepages) {
    plan.arguments.emplace_back("--in-memory");
    return;
  }
  plan.arguments.emplace_back("--no-huge");
  plan.arguments.emplace_back("--no-shconf");  // --in-memory is refused beside --no-huge.
}

void add_bus_arguments(const EalSettings& settings, std::vector<std::string>& arguments) {
  bool any_pci = false;
  for (const PortSettings& port : settings.ports) {
    if (port.kind != DeviceKind::Pci) continue;
    any_pci = true;
    arguments.push_back("--allow=" + port.target);
  }
  if (any_pci)
    return;  // EAL chooses the IOVA mode: virtual addresses behind an IOMMU, physical ones without.
  // Nothing does DMA, so virtual addresses always work; EAL would choose physical ones for root
  // without an IOMMU, and then split the mempools into pieces, which af_xdp cannot register.
  arguments.emplace_back("--no-pci");
  arguments.emplace_back("--iova-mode=va");
}

}  // namespace

Machine survey_machine(const EalSettings& settings) {
  Machine machine;
  machine.cpus = allowed_cpus();
  machine.hugepages = free_hugepages();
  if (settings.hugepages != Hugepages::Off &&
      free_megabytes(machine) >= settings.memory_megabytes) {
    try_hugepages(settings.memory_megabytes, machine.hugepages);
  }
  machine.left = base::MemoryLimits().left();
  rlimit limit{};
  machine.address_space_is_limited =
      getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return machine;
}

Result<EalPlan, std::string> plan_eal(const EalSettings& settings, const Machine& machine,
                                      unsigned instance) {
  if (settings.memory_megabytes == 0) {
    return base::fail(std::string("dataplane.memory: 0, expected 64M or more"));
  }
  if (settings.ports.size() > poll::kMaxPorts) {
    return base::fail("dataplane.ports: " + std::to_string(settings.ports.size()) +
                      " given, at most " + std::to_string(poll::kMaxPorts) + " can be opened");
  }
  if (auto cores = check_cores(settings, machine); !cores)
    return base::fail(std::move(cores.error()));
  EalPlan plan;
  const auto hugepages = choose_hugepages(settings, machine, plan.notes);
  if (!hugepages) return base::fail(hugepages.error());
  plan.hugepages = *hugepages;
  const auto megabytes = fit_memory(settings, machine, plan);
  if (!megabytes) return base::fail(megabytes.error());
  plan.memory_megabytes = *megabytes;
  plan.control_cpus = control_cpus_of(settings, machine);
  plan.arguments = {"dotline",
                    lcores_argument(settings, plan.control_cpus),
                    "--main-lcore=0",
                    "--no-telemetry",
                    "--file-prefix=dotline-" + std::to_string(instance),
                    "-m",
                    std::to_string(plan.memory_megabytes)};
  add_memory_arguments(plan);
  add_bus_arguments(settings, plan.arguments);
  return plan;
}

std::string device_name(const PortSettings& port, unsigned index) {
  switch (port.kind) {
    case DeviceKind::AfXdp:
      return "net_af_xdp" + std::to_string(index);
    case DeviceKind::AfPacket:
      return "net_af_packet" + std::to_string(index);
    case DeviceKind::Pci:
      return port.target;
    case DeviceKind::Vdev:
      return port.target.substr(0, port.target.find(','));
  }
  return port.target;
}

}  // namespace ports

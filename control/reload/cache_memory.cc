#include "control/reload/cache_memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_lcore.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane/base/memory_left.h"
#include "dataplane/cache/pages.h"

namespace control {
namespace {

/// The NUMA nodes of the cores that poll, each once.
std::set<unsigned> nodes_of_cores(size_t cores) {
  std::set<unsigned> nodes;
  for (unsigned core = 0; core < cores; ++core) nodes.insert(rte_lcore_to_socket_id(core + 1));
  return nodes;
}

// What answers leave to everybody else: sessions, connections, what the kernel takes for them.
constexpr size_t kKept = size_t{32} << 20;

/// Whether answers may have that much more. Without it a memory cgroup, or the machine, would find
/// out when a page is touched, and end the process.
bool may_take(size_t octets) {
  static const base::MemoryLimits limits;
  const std::optional<base::MemoryLeft> left = limits.left();
  return !left || left->octets >= octets + kKept;
}

}  // namespace

/// Cached answers lie where they are read from. With cores on several nodes there is no such place,
/// and half a table on each loads both nodes' memory alike.
void place_caches(const Config& config, Log& log) {
  cache::ask_before_taking(may_take);
  (void)may_take(0);  // Opens its files while this thread may.
  const bool large = config.eal.hugepages != ports::Hugepages::Off;
  cache::use_large_pages(large ? cache::LargePages::Auto : cache::LargePages::Off);
  const std::set<unsigned> nodes = nodes_of_cores(config.eal.cores.size());
  const std::vector<unsigned> list(nodes.begin(), nodes.end());
  const std::string names = fmt::format("{}", fmt::join(list, " and "));
  if (const auto placed = cache::use_nodes(list); !placed) {
    return log.write(LogLevel::Warning, fmt::format("packet caches: not placed on NUMA node {}: {}",
                                                    names, placed.error()));
  }
  log.write(LogLevel::Info, list.size() == 1
                                ? fmt::format("packet caches: on NUMA node {}", names)
                                : fmt::format("packet caches: spread over NUMA nodes {}", names));
}

}  // namespace control

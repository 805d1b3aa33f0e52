#include "control/reload/memory_estimate.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "dataplane/base/memory_left.h"

namespace control {
namespace {

// Measured; megabytes.
constexpr size_t kCore = 45;    // Parked askers and questions, networks of `rate_limit`.
constexpr size_t kWorker = 20;  // Open questions, those parked for its connections, sessions.
constexpr size_t kLane = 8;     // Rings between whoever asks and a worker.
constexpr size_t kRest = 24;    // Configuration, trust stores, HTTP.

constexpr size_t kOctetsPerEntry = 12;
constexpr size_t kMegabyte = size_t{1} << 20;

constexpr size_t kStack = 8;
constexpr size_t kOtherThreads = 6;  // Control, EAL's, the log, HTTP and the exception path.
// Heaps of threads take more addresses than memory.
constexpr size_t kHeaps = 24;

bool address_space_is_limited() {
  rlimit limit{};
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

unsigned other_megabytes(const Config& config) {
  const size_t cores = config.eal.cores.size();
  const size_t workers = config.tls_workers.threads;
  // A worker's front asks as a core does.
  size_t megabytes =
      kRest + kCore * cores + kWorker * workers + kLane * (cores + workers) * workers;
  for (const PacketCache& cache : config.packet_caches)
    megabytes += cache.size * kOctetsPerEntry / kMegabyte + 1;
  // A stack takes addresses at once, and memory as it grows.
  if (address_space_is_limited()) megabytes += kHeaps + kStack * (cores + workers + kOtherThreads);
  return static_cast<unsigned>(megabytes);
}

std::string memory_left() {
  const std::optional<base::MemoryLeft> left = base::MemoryLimits().left();
  return left ? fmt::format(", and {} leaves {} MB", left->limit, left->octets / kMegabyte) : "";
}

}  // namespace control

#include "control/process/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

namespace control {
namespace {

constexpr uint64_t kOthers = 100;  // Rings, sockets that listen, doorbells, files that are read.

}  // namespace

uint64_t allow_all_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return UINT64_MAX;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

uint64_t descriptors_needed(const Config& config) {
  const TlsWorkers& workers = config.tls_workers;
  // As many sessions again while they are replaced, and two that are being opened.
  const uint64_t sessions = uint64_t{workers.threads} * config.backends.size() *
                            (2 * uint64_t{workers.sessions_per_backend} + 10);
  return sessions + config.stream_limits.max_concurrent_connections + kOthers;
}

std::optional<std::string> fault_of_descriptors(uint64_t allowed, const Config& config) {
  const uint64_t needed = descriptors_needed(config);
  if (allowed >= needed) return std::nullopt;
  return fmt::format(
      "open files: {} allowed, up to {} needed for sessions to backends and {} connections of "
      "clients (tuning.tcp.max_concurrent_connections); raise it with `ulimit -Hn {}`, or "
      "LimitNOFILE={} in the unit",
      allowed, needed, config.stream_limits.max_concurrent_connections, needed, needed);
}

}  // namespace control

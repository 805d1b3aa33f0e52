// A status to look at and to vary: a healthy office with two resolvers, an hour after the start.
#pragma once

#include "control/status/status.h"

namespace control {

inline constexpr double kNow = 1'790'000'000;

inline Status::Backend sample_backend(const std::string& name) {
  Status::Backend backend;
  backend.name = name;
  backend.address = "192.0.2.1:853";
  backend.protocol = "DoT";
  backend.identity = "dns.example";
  backend.pools = {""};
  backend.in_rotation = true;
  backend.up = true;
  backend.state = "healthy";
  backend.since = kNow - 3600;
  backend.mode = "lazy";
  backend.said = "auto";
  backend.sessions = 2;
  backend.in_flight = 3;
  backend.queries = 41'200;
  backend.responses = 41'197;
  backend.failures = {{"connect", 0}, {"deadline", 0}};
  backend.durations.counts[14] = 900;  // Up to 16 ms.
  backend.durations.counts[16] = 100;  // Up to 66 ms.
  backend.certificate_expiry = kNow + 61.5 * 86'400;
  return backend;
}

inline Status sample_status() {
  Status status;
  status.version = {"1.2.3", "22.11.4", "3.0.5"};
  status.pid = 4242;
  status.now = kNow;
  status.started = kNow - 3600;
  status.uptime = 3600;
  status.healthy = true;
  status.configuration = {.file = "/etc/dotline/dotline.yaml", .loaded = kNow - 3600};
  status.queries = 2'000'000;
  status.dropped = 12;
  status.parked = 3;
  status.replies = {{"hit", 1'958'000}, {"fill", 41'000}, {"refused", 0}, {"servfail", 197}};
  status.reply_durations.counts[1] = 1'950'000;
  status.reply_durations.counts[14] = 49'000;
  status.binds = {{.address = "192.0.2.53:53", .protocol = "Do53", .up = true}};
  status.cores = {{.cpu = 1, .cycles = 1000, .busy_cycles = 120, .busy = 0.12}};
  status.ports = {{.name = "af_xdp:eth0", .link = true, .received = 2'000'012, .sent = 1'999'997}};
  status.workers = {{.index = 0, .questions = 3}};
  status.caches = {{.name = "main",
                    .entries = 250'000,
                    .capacity = 1'000'000,
                    .bytes = 48'000'000,
                    .hits = 1'958'000,
                    .misses = 42'000,
                    .inserts = 41'000,
                    .evictions = 0}};
  status.pools = {{.name = "",
                   .policy = "leastOutstanding",
                   .cache = "main",
                   .domains = {},
                   .backends = {"quad9", "google"}}};
  status.backends = {sample_backend("quad9"), sample_backend("google")};
  return status;
}

}  // namespace control

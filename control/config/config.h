// The configuration as plain values: what the YAML file said, checked, with every default filled
// in. Reading is all or nothing: either a Config that can be started from, or every error of the
// file with its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/config/control_socket_path.h"
#include "control/config/machine.h"
#include "control/yaml/errors.h"
#include "dataplane/base/address.h"
#include "dataplane/base/result.h"
#include "dataplane/cache/entry.h"
#include "dataplane/dns/answer.h"
#include "dataplane/dns/question.h"
#include "dataplane/handler/pending.h"
#include "dataplane/poll/idle.h"
#include "dataplane/ports/settings.h"
#include "dataplane/rules/cookies.h"
#include "dataplane/rules/local_names.h"
#include "dataplane/rules/rate_limit.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/policy.h"
#include "tls-workers/frontend/limits.h"
#include "tls-workers/server_tls/server_context.h"

namespace control {

enum class LogLevel : uint8_t { Debug, Info, Warning, Error };

/// What clients speak at an address.
enum class Protocol : uint8_t {
  Do53,  // Plain DNS: over UDP on the poll cores, over TCP in the workers.
  DoT,   // RFC 7858.
  DoH    // RFC 8484, over HTTP/2.
};

/// Two files that go together, as the configuration names them.
struct CertificateFiles {
  std::string certificate;
  std::string key;

  friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

/// An address that clients ask, and the pool that answers there.
struct Bind {
  base::Endpoint address;
  Protocol protocol = Protocol::Do53;
  dns::PoolId pool{};                          // Index into Config::pools.
  std::optional<server_tls::ServerTls> tls{};  // Unless Do53. What its files had in them when read.
  std::vector<std::string> paths{};            // DoH only: where DNS is, at least one.
  std::vector<CertificateFiles> certificate_files{};  // Unless Do53.
  std::vector<std::string> faults{};                  // Why some of those are not shown.

  /// A bind without a certificate to show is off.
  [[nodiscard]] bool is_on() const { return !tls || !tls->certificates.empty(); }
};

struct PacketCache {
  std::string name;           // Unique; the `cache` label of metrics.
  uint32_t size = 1'000'000;  // Entries.
  dns::LifetimeLimits limits;
  cache::Staleness staleness;
  bool prefetch = true;
  bool nxdomain_cut = false;  // What lies below a missing name is missing too.
};

/// Backends that share questions, and the cache that keeps their answers. Its index in
/// Config::pools is its dns::PoolId.
struct Pool {
  std::string name;  // Unique; the default pool's is empty.
  std::optional<size_t>
      packet_cache;  // Index into Config::packet_caches; none: answers are not kept.
  backends::PolicySettings policy;
  /// Names at and below these are its own, whatever address they are asked at. Lower case, no final
  /// dot, wire_form reads them; no two pools have the same one.
  std::vector<std::string> domains;
};

struct TlsWorkers {
  unsigned threads = 1;
  std::vector<unsigned> cpus;  // Worker i runs on cpus[i % size]; empty: the kernel chooses.
  unsigned sessions_per_backend = 2;
  bool hedging = false;  // Slow queries are put to a second backend as well.
};

/// DNS cookies, RFC 7873.
struct CookieSettings {
  bool enabled = true;
  bool require_server_cookie = false;  // Over UDP, of clients that know cookies.
  /// The first one makes cookies, all are accepted. Empty: one is drawn at the start.
  std::vector<rules::CookieSecret> secrets;
};

/// A file that something needs, and that is not there or no good.
struct FileFault {
  enum class Kind : uint8_t {
    CaStore,        // Of `backend`; it trusts no certificate.
    CookieSecrets,  // Others are in use.
    KeyLog          // Of `backend`; nothing is written.
  };
  Kind kind{};
  std::string path;
  std::string backend;
  std::string text;  // "`/path` cannot be opened: ..."
};

struct Config {
  std::string file;           // Where it was read.
  bool strict_start = false;  // All of it is to be on, or nothing.
  ports::EalSettings
      eal;  // Cores, memory and ports; its `binds` are the addresses of those that are Do53.
  poll::Idle idle = poll::Idle::Sleep;
  std::vector<Bind> binds;
  frontend::Limits stream_limits;
  std::vector<base::Prefix> acl;
  rules::LocalNameSet local_names = rules::LocalNameSet().set();  // Answered here, never asked.
  CookieSettings cookies;
  rules::RateLimit rate_limit;
  std::vector<base::Prefix> rate_limit_exempt;  // What its set was made of.
  uint16_t max_misses_per_client = handler::PendingLimits{}.per_client;
  std::vector<PacketCache> packet_caches;  // At least one.
  TlsWorkers tls_workers;
  std::vector<backends::BackendSettings> backends;  // At least one.
  std::vector<Pool> pools;                          // At least one.
  base::Endpoint metrics_address;
  std::string control_socket{kUsualControlSocket};  // Empty: none.
  LogLevel log_level = LogLevel::Info;
  std::vector<FileFault> file_faults;
  std::map<std::string, uint64_t> ca_stores;  // By path: a hash of what was in it when read.
  std::vector<std::string> warnings;  // Legal but odd; `FILE:LINE:COLUMN: what`, to be logged.
  /// What is off, as it was when the file was read: right as it is written, but what it names is
  /// missing or no good. The same form; `parts_off` tells how that is now.
  std::vector<std::string> off;
};

/// Reads and checks the file at `path` for use on `machine`. Fails with every error found, sorted
/// by place: the file is not readable or larger than kMaxConfigBytes, is not YAML, has unknown,
/// duplicate or unsupported keys, or values that do not fit. A file that it names and that cannot
/// be used is no error of it: the part that needs that is off.
[[nodiscard]] base::Result<Config, std::vector<ConfigError>> read_config(
    const std::string& path, const Machine& machine = this_machine());

/// The same for text at hand; `file` is what errors call it.
[[nodiscard]] base::Result<Config, std::vector<ConfigError>> parse_config(const std::string& text,
                                                                          const std::string& file,
                                                                          const Machine& machine);

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr size_t kMaxBackends = 256;
inline constexpr size_t kMaxDomains = 1024;  // Of one pool.
inline constexpr unsigned kMaxWorkers = 64;

}  // namespace control

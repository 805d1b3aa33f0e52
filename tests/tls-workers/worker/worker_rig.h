// A real Worker on a thread of its own, with the test playing the poll cores.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/exchange/exchange.h"
#include "tests/tls-workers/certificates.h"
#include "tests/tls-workers/dot_server.h"
#include "tls-workers/worker/worker.h"

namespace tests {

/// How long a test waits for what must happen; only a test that fails waits so long.
inline constexpr base::seconds kPatience{30};

/// Waits until `condition` holds; false if it never does.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const base::Time end = base::Clock::now() + kPatience;
  while (!condition()) {
    if (base::Clock::now() > end) return false;
    std::this_thread::sleep_for(base::milliseconds(1));
  }
  return true;
}

[[nodiscard]] dns::Question question_for(const std::string& name, dns::PoolId pool = dns::PoolId{});

/// The authority that tests trust, and a certificate of its for "dns.example"; made once.
[[nodiscard]] const Authority& authority();
[[nodiscard]] const Identity& good_identity();

/// A backend that is `server`, by the name "dns.example", in both pools. Not checked: a server sees
/// only what the test asks.
[[nodiscard]] backends::BackendSettings backend_at(const base::Endpoint& endpoint,
                                                   const std::string& name = "backend");

class WorkerRig {
 public:
  explicit WorkerRig(std::vector<backends::BackendSettings> backends);
  /// With settings the rig does not choose; pools are the rig's: "" (index 0, with the cache) and
  /// "uncached" (index 1).
  WorkerRig(const worker::WorkerSettings& settings, std::vector<backends::BackendSettings> backends,
            bool hedging = false);
  ~WorkerRig();
  WorkerRig(const WorkerRig&) = delete;
  WorkerRig& operator=(const WorkerRig&) = delete;

  /// Sends a Miss from `core`; `patience`: its deadline from now.
  exchange::Ticket ask(const dns::Question& question, unsigned core = 0,
                       base::Duration patience = kPatience);
  exchange::Ticket ask(const std::string& name, unsigned core = 0,
                       base::Duration patience = kPatience) {
    return ask(question_for(name), core, patience);
  }
  /// The next Fill for `core`; fails the test if none comes. Its pin is kept until the rig goes.
  exchange::Fill next_fill(unsigned core = 0);
  /// Asks and waits for the Fill.
  exchange::Fill resolve(const std::string& name, base::Duration patience = kPatience);
  [[nodiscard]] bool no_fill_waits();
  /// What the shared cache has for `name`; nullptr for nothing.
  [[nodiscard]] const cache::Entry* cached(const std::string& name);
  /// Puts an answer for `name` into the cache that lived for a minute, until `ago`; its record's
  /// address is 192.0.2.99 (none, with another rcode).
  void leave(const std::string& name, base::Duration ago, dns::Rcode rcode = dns::Rcode::NoError) {
    leave(question_for(name), ago, rcode);
  }
  void leave(const dns::Question& question, base::Duration ago, dns::Rcode rcode);
  /// Takes it out again; returns how many there were.
  uint64_t flush(const std::string& name);
  /// Sends a Miss that nobody waits for.
  void prefetch(const std::string& name);
  [[nodiscard]] std::vector<std::string> notices() const;
  [[nodiscard]] backends::Rotation& rotation(size_t index = 0) {
    return configuration_.backends[index].shared->rotation;
  }
  void stop();

  /// What the worker goes by, and changing it: returns when it does.
  [[nodiscard]] const questions::Configuration& configuration() const { return configuration_; }
  void adopt(const questions::Configuration& configuration);
  [[nodiscard]] static questions::Configuration::Backend backend_of(
      const backends::BackendSettings& settings);

  [[nodiscard]] worker::Worker& worker() { return *worker_; }
  [[nodiscard]] const backends::BackendCounters& backend(size_t index = 0) const {
    return configuration_.backends[index].shared->ledgers[0].counters;
  }
  [[nodiscard]] backends::BackendReport report(size_t index = 0) const {
    return configuration_.backends[index].shared->report();
  }
  [[nodiscard]] uint64_t failures(backends::Failure kind, size_t index = 0) const {
    return backend(index).failures[kind].read();
  }

  static constexpr unsigned kCores = 2;

 private:
  exchange::Exchange exchange_;
  cache::Readers readers_;
  cache::Cache cache_;
  cache::Reclaim reclaim_;
  transport::Tickets tickets_;
  questions::Configuration configuration_;
  mutable std::mutex mutex_;
  std::vector<std::string> notices_;
  std::vector<const cache::Entry*> pinned_;
  uint32_t next_slot_ = 0;
  std::unique_ptr<worker::Worker> worker_;
  std::thread thread_;
};

/// The four octets of the address in an A answer, as text; the failure otherwise.
[[nodiscard]] std::string address_in(const exchange::Fill& fill);

}  // namespace tests

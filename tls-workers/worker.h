// A TLS worker: one thread, one epoll. Takes Misses off its rings, merges equal questions, asks a
// backend over a session, keeps the answer in the pool's cache and sends every asking core its
// Fill.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/cache/reclaim.h"
#include "dataplane/exchange.h"
#include "tls-workers/counters.h"
#include "tls-workers/notices.h"
#include "tls-workers/settlement.h"
#include "tls-workers/upstream/backend.h"
#include "tls-workers/upstream/backend_report.h"
#include "tls-workers/upstream/rotation.h"
#include "tls-workers/upstream/tickets.h"

namespace tls {

struct WorkerSettings {
  unsigned index = 0;
  unsigned sessions_per_backend = 2;
  unsigned max_questions = 16384;  // Open at once; a Miss beyond that is failed.
  bool hedging = false;  // A query that takes longer than usual goes to a second backend too.
  std::vector<BackendSettings> backends;
  std::vector<Rotation*> rotations;  // One for each backend, shared by all workers.
  std::vector<PoolSettings> pools;
};

class Worker {
 public:
  /// `exchange`, `readers` and `tickets` outlive the worker; all workers share one of each. Throws
  /// std::runtime_error, naming the backend and the file, if TLS cannot be set up.
  Worker(WorkerSettings settings, exchange::Exchange& exchange, cache::Readers& readers,
         Tickets& tickets, Notice notice);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs on the calling thread until `stop` is called, once.
  void run();
  /// From any thread. Open questions get their failed Fills, sessions are closed.
  void stop();
  /// From any thread. What failed until now is put to a backend again when it is asked for.
  void forget_failures();

  /// Readable from any thread. Backends in the order of the settings.
  [[nodiscard]] const WorkerCounters& counters() const;
  [[nodiscard]] const BackendCounters& backend_counters(size_t backend) const;
  [[nodiscard]] const BackendRecord& backend_record(size_t backend) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tls

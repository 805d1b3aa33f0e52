// A TLS worker: one thread, one epoll. Takes Misses off its rings, merges equal questions, asks a
// backend over a session, keeps the answer in the pool's cache and sends every asking core its
// Fill. In its turns it also serves clients that speak over streams, if it is given a front.
#pragma once

#include <memory>

#include "dataplane/cache/reclaim.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/worker/config_update.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/frontend/frontend.h"
#include "tls-workers/worker/notices.h"
#include "tls-workers/sessions/inflight.h"
#include "tls-workers/transport/tickets.h"

namespace worker {

struct WorkerSettings {
  unsigned index = 0;
  unsigned sessions_per_backend = 2;
  unsigned max_questions = 16384;              // Open at once; a Miss beyond that is failed.
  base::Duration question_life = sessions::kAnswerLife;  // Clients are told before that is over.
};

class Worker {
 public:
  /// `exchange`, `readers` and `tickets` outlive the worker; all workers share one of each.
  /// `clients`: nullptr, or this worker's front. Throws std::runtime_error, naming the backend and
  /// the file, if TLS cannot be set up.
  Worker(const WorkerSettings& settings, std::shared_ptr<const questions::Configuration> configuration,
         exchange::Exchange& exchange, cache::Readers& readers, transport::Tickets& tickets, Notice notice,
         std::unique_ptr<frontend::Frontend> clients = nullptr);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs on the calling thread until `stop` is called, once.
  void run();
  /// From any thread. Open questions get their failed Fills, sessions are closed.
  void stop();
  /// From any thread. What failed until now is put to a backend again when it is asked for.
  void forget_failures();

  // One thread at a time, at any time before `stop`.

  /// Builds what is missing for `next`, in which every backend that it shares with the
  /// configuration adopted last has the number it had there. Throws as the constructor does; then
  /// nothing has happened.
  [[nodiscard]] ConfigUpdate prepare(std::shared_ptr<const questions::Configuration> next);
  /// Hands `change` over, prepared since the last call; the worker takes it up between two turns.
  /// Backends that are in it no more lose their sessions, and their queries go elsewhere.
  void adopt(ConfigUpdate change);
  /// Whether the worker goes by what it was given last.
  [[nodiscard]] bool adopted() const;

  /// Readable from any thread.
  [[nodiscard]] const questions::WorkerCounters& counters() const;
  /// The same of its front; nullptr if it has none.
  [[nodiscard]] const frontend::Counters* client_counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace worker

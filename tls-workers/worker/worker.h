// A TLS worker: one thread, one epoll. Takes Misses off its rings, merges equal questions, asks a
// backend over a session, keeps the answer in the pool's cache and sends every asking core its
// Fill. In its turns it also serves clients that speak over streams, if it is given a frontend.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>

#include "dataplane/base/clock.h"
#include "dataplane/base/epoll.h"
#include "dataplane/cache/reclaim.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/frontend/frontend.h"
#include "tls-workers/questions/completion.h"
#include "tls-workers/questions/counters.h"
#include "tls-workers/questions/dispatcher.h"
#include "tls-workers/questions/fills.h"
#include "tls-workers/questions/nxdomain_cut.h"
#include "tls-workers/questions/progress.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/stale_answers.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/sessions/health_checks.h"
#include "tls-workers/sessions/inflight.h"
#include "tls-workers/transport/tickets.h"
#include "tls-workers/worker/answers.h"
#include "tls-workers/worker/backend_events.h"
#include "tls-workers/worker/config_update.h"
#include "tls-workers/worker/losses.h"
#include "tls-workers/worker/misses.h"
#include "tls-workers/worker/notices.h"

namespace worker {

struct WorkerSettings {
  unsigned index = 0;
  unsigned sessions_per_backend = 2;
  unsigned max_questions = 16384;  // Open at once; a Miss beyond that is failed.
  base::Duration question_life = sessions::kAnswerLife;  // Clients are told before that is over.
};

class Worker {
 public:
  /// `exchange`, `readers` and `tickets` outlive the worker; all workers share one of each.
  /// `clients`: nullptr, or this worker's frontend. Throws std::runtime_error, naming the backend
  /// and the file, if TLS cannot be set up.
  Worker(const WorkerSettings& settings,
         std::shared_ptr<const questions::Configuration> configuration,
         exchange::Exchange& exchange, cache::Readers& readers, transport::Tickets& tickets,
         Notice notice, std::unique_ptr<frontend::Frontend> clients = nullptr);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs on the calling thread until `stop` is called, once.
  void run();
  /// From any thread. Open questions get their failed Fills, sessions are closed.
  void stop();
  /// From any thread. What failed until now is put to a backend again when it is asked for.
  void forget_failures() { completion_.forget_failures(); }

  // One thread at a time, at any time before `stop`.

  /// Builds what is missing for `next`, in which every backend that it shares with the
  /// configuration adopted last has the number it had there. Throws as the constructor does; then
  /// nothing has happened.
  [[nodiscard]] ConfigUpdate prepare(std::shared_ptr<const questions::Configuration> next);
  /// Hands `update` over, prepared since the last call; the worker takes it up between two turns.
  /// Backends that are in it no more lose their sessions, and their queries go elsewhere.
  void adopt(ConfigUpdate update);
  /// Whether the worker goes by what it was given last.
  [[nodiscard]] bool adopted() const { return updates_.all_done(); }

  /// Readable from any thread.
  [[nodiscard]] const questions::WorkerCounters& counters() const { return counters_; }
  /// The same of its frontend; nullptr if it has none.
  [[nodiscard]] const frontend::Counters* client_counters() const {
    return frontend_ != nullptr ? &frontend_->counters() : nullptr;
  }

 private:
  // The steps of a turn, in their order.
  void begin_turn();
  void hear_clients();
  void take_misses();
  void hear_sessions();
  void meet_deadlines();
  void dispatch_waiting();
  void tend_checks();
  void send_queries();
  void tend_backends();
  void take_up_updates();
  void answer_clients();
  void free_entries();
  void sleep();

  void hear(sessions::Session& session);
  void end(sessions::Session& session);
  void take_up(ConfigUpdate update);
  void watch(int fd, void* whose);
  void wait(base::Duration longest);
  [[nodiscard]] bool anything_waits();
  [[nodiscard]] base::Time next_wake();
  void close_all();

  const WorkerSettings settings_;
  exchange::Exchange& exchange_;
  transport::Tickets& tickets_;
  Notices notices_;
  base::Epoll epoll_;
  const std::unique_ptr<frontend::Frontend> frontend_;  // Nullptr: no clients here.

  // Other threads.
  std::atomic<bool> stop_{false};
  ConfigMailbox updates_;
  questions::WorkerCounters counters_;

  // Of the turn.
  base::Time now_;
  bool turn_again_ = false;  // Something changed after the step that would have acted on it.
  static constexpr size_t kEventsPerTurn = 64;
  std::array<epoll_event, kEventsPerTurn> events_{};
  std::span<const epoll_event> ready_;  // Those the last wait brought.

  // What there is: backends with their sessions, pools, open questions. Each borrows only from
  // what stands before it.
  std::shared_ptr<const questions::Configuration> configuration_;
  questions::Pools pools_;
  sessions::Backends backends_;
  questions::Questions questions_;
  cache::Reclaim reclaim_;

  // An answer's way, from the last step to the first.
  questions::Fills fills_;
  questions::StaleAnswers stale_;
  questions::Completion completion_;
  questions::Dispatcher dispatcher_;
  questions::Progress progress_;
  sessions::Checks checks_;
  BackendEvents backend_events_;
  Losses losses_;
  Answers answers_;
  questions::NxdomainCut nxdomain_cut_;
  Misses misses_;
};

}  // namespace worker

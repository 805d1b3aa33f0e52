// How another configuration gets to a worker: ready made by another thread, taken up by the worker
// when it is between two turns.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "tls-workers/questions/configuration.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/sessions/sessions.h"

namespace worker {

/// What a worker needs in order to go by another configuration.
struct ConfigUpdate {
  std::shared_ptr<const questions::Configuration> configuration;
  std::vector<std::pair<uint32_t, std::unique_ptr<sessions::Sessions>>>
      sessions;  // Of new backends.
};

/// Whose sessions are made, and how many.
struct SessionMaker {
  unsigned worker;
  unsigned per_backend;
  int epoll;
  transport::Tickets& tickets;
};

/// Builds the sessions of those backends in `next` that `before` (nullptr: no configuration) does
/// not have. Any thread. Throws std::runtime_error if TLS cannot be set up.
[[nodiscard]] ConfigUpdate prepare_update(const questions::Configuration* before,
                                          std::shared_ptr<const questions::Configuration> next,
                                          const SessionMaker& maker);

/// A query that was under way at a backend that is not configured any more.
struct StrandedQuery {
  uint32_t backend;
  sessions::Asked asked;
};

/// Closes the sessions of backends that are not in `update`, and puts those in that are new. When
/// nothing points to a session that may go. Returns what was under way on those closed.
[[nodiscard]] std::vector<StrandedQuery> replace_backends(sessions::Backends& backends,
                                                          ConfigUpdate& update);

class ConfigMailbox {
 public:
  // One thread at a time.

  void give(ConfigUpdate update) {
    newest_ = update.configuration;
    ++given_;
    const std::lock_guard lock(mutex_);
    updates_.push_back(std::move(update));
    waiting_.store(true, std::memory_order_seq_cst);
  }
  /// What the worker will have been told in the end.
  [[nodiscard]] const std::shared_ptr<const questions::Configuration>& newest() const {
    return newest_;
  }
  void set_newest(std::shared_ptr<const questions::Configuration> newest) {
    newest_ = std::move(newest);
  }
  /// Whether the worker goes by it.
  [[nodiscard]] bool all_done() const { return done_.load(std::memory_order_acquire) == given_; }

  // The worker.

  [[nodiscard]] bool anything() const { return waiting_.load(std::memory_order_acquire); }
  [[nodiscard]] std::deque<ConfigUpdate> take() {
    const std::lock_guard lock(mutex_);
    waiting_.store(false, std::memory_order_relaxed);
    return std::exchange(updates_, {});
  }
  void done(uint64_t count) { done_.fetch_add(count, std::memory_order_release); }

 private:
  std::shared_ptr<const questions::Configuration> newest_;
  uint64_t given_ = 0;
  std::mutex mutex_;
  std::deque<ConfigUpdate> updates_;  // Under the mutex.
  std::atomic<bool> waiting_{false};
  std::atomic<uint64_t> done_{0};
};

}  // namespace worker

// How another configuration gets to a worker: ready made by whoever wants it, taken up by the
// worker when it is between two turns.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "tls-workers/questions/configuration.h"
#include "tls-workers/sessions/sessions.h"

namespace worker {

/// What a worker needs in order to go by another configuration.
struct ConfigUpdate {
  std::shared_ptr<const questions::Configuration> configuration;
  std::vector<std::pair<uint32_t, std::unique_ptr<sessions::Sessions>>> sessions;  // Of new backends.
};

class ConfigMailbox {
 public:
  // One thread at a time.

  void give(ConfigUpdate change) {
    newest_ = change.configuration;
    ++given_;
    const std::lock_guard lock(mutex_);
    changes_.push_back(std::move(change));
    waiting_.store(true, std::memory_order_seq_cst);
  }
  /// What the worker will have been told in the end.
  [[nodiscard]] const std::shared_ptr<const questions::Configuration>& newest() const { return newest_; }
  void set_newest(std::shared_ptr<const questions::Configuration> newest) { newest_ = std::move(newest); }
  /// Whether the worker goes by it.
  [[nodiscard]] bool all_done() const { return done_.load(std::memory_order_acquire) == given_; }

  // The worker.

  [[nodiscard]] bool anything() const { return waiting_.load(std::memory_order_acquire); }
  [[nodiscard]] std::deque<ConfigUpdate> take() {
    const std::lock_guard lock(mutex_);
    waiting_.store(false, std::memory_order_relaxed);
    return std::exchange(changes_, {});
  }
  void done(uint64_t count) { done_.fetch_add(count, std::memory_order_release); }

 private:
  std::shared_ptr<const questions::Configuration> newest_;
  uint64_t given_ = 0;
  std::mutex mutex_;
  std::deque<ConfigUpdate> changes_;  // Under the mutex.
  std::atomic<bool> waiting_{false};
  std::atomic<uint64_t> done_{0};
};

}  // namespace worker

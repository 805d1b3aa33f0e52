// When a displaced entry's memory may be given back: after every reader has passed a quiescent
// point (rte_rcu_qsbr) and it is no longer pinned. Readers report quiescence once a turn; writers
// keep their own retired entries, so no lock is needed.
#pragma once

#include <rte_rcu_qsbr.h>

#include <deque>
#include <memory>
#include <mutex>

#include "dataplane/base/counters.h"
#include "dataplane/cache/entry.h"

namespace cache {

/// The readers that must be waited for. One for the process; every poll core is a reader with its
/// own number.
class Readers {
 public:
  explicit Readers(unsigned readers);

  /// For reader `id`'s own thread: before its first read and after its last one.
  void join(unsigned id);
  void leave(unsigned id);
  /// Once a turn, when the reader holds no unpinned entry.
  void quiescent(unsigned id) { rte_rcu_qsbr_quiescent(qsbr_.get(), id); }
  /// Around every wait: a sleeping reader must not hold up writers.
  void offline(unsigned id) { rte_rcu_qsbr_thread_offline(qsbr_.get(), id); }
  void online(unsigned id) { rte_rcu_qsbr_thread_online(qsbr_.get(), id); }

  /// For writers: a token for "now", and whether every reader has passed it.
  [[nodiscard]] uint64_t start() { return rte_rcu_qsbr_start(qsbr_.get()); }
  [[nodiscard]] bool passed(uint64_t token) {
    // rte_rcu_qsbr_check leaves what it found for the next writer to trust, without an order
    // between the two: the lock gives it one, or the next would free what a reader has not finished
    // with.
    const std::lock_guard lock(checking_);
    return rte_rcu_qsbr_check(qsbr_.get(), token, false) == 1;
  }

 private:
  struct Free {
    void operator()(rte_rcu_qsbr* qsbr) const { std::free(qsbr); }
  };
  std::unique_ptr<rte_rcu_qsbr, Free> qsbr_;
  std::mutex checking_;
};

/// One writer's retired entries.
class Reclaim {
 public:
  explicit Reclaim(Readers& readers) : readers_(readers) {}
  ~Reclaim();
  Reclaim(const Reclaim&) = delete;
  Reclaim& operator=(const Reclaim&) = delete;

  /// `entry` is no longer (or never was) in a table. It is destroyed by a later `collect`.
  void retire(Entry* entry);
  /// Destroys what no reader can see any more; looks at no more than `kPerCall` entries.
  void collect();
  /// Retired and not yet destroyed. Readable by any thread.
  [[nodiscard]] uint64_t waiting() const { return waiting_.read(); }

  static constexpr size_t kPerCall = 64;

 private:
  struct Retired {
    Entry* entry;
    uint64_t token;
  };
  Readers& readers_;
  std::deque<Retired> retired_;
  base::Counter waiting_;
};

}  // namespace cache

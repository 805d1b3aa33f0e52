#include "dataplane/cache/reclaim.h"

#include <algorithm>
#include <cstdlib>

#include "dataplane/base/assert.h"

namespace cache {

Readers::Readers(unsigned readers) {
  const size_t size = rte_rcu_qsbr_get_memsize(readers);
  void* memory = std::aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
  if (memory == nullptr) std::abort();
  qsbr_.reset(static_cast<rte_rcu_qsbr*>(memory));
  const int made = rte_rcu_qsbr_init(qsbr_.get(), readers);
  ASSERT(made == 0);
  (void)made;
}

void Readers::join(unsigned id) {
  rte_rcu_qsbr_thread_register(qsbr_.get(), id);
  rte_rcu_qsbr_thread_online(qsbr_.get(), id);
}

void Readers::leave(unsigned id) {
  rte_rcu_qsbr_thread_offline(qsbr_.get(), id);
  rte_rcu_qsbr_thread_unregister(qsbr_.get(), id);
}

Reclaim::~Reclaim() {
  // Readers have stopped by now: the poll cores are joined before a worker is destroyed.
  for (const Retired& retired : retired_) destroy_entry(retired.entry);
}

void Reclaim::retire(Entry* entry) {
  retired_.push_back({entry, readers_.start()});
  waiting_.add();
}

void Reclaim::collect() {
  const size_t looks = std::min(retired_.size(), kPerCall);
  for (size_t i = 0; i < looks; ++i) {
    const Retired oldest = retired_.front();
    if (!readers_.passed(oldest.token))
      return;  // Tokens only grow: nothing behind it has passed either.
    retired_.pop_front();
    if (oldest.entry->pinned()) {
      retired_.push_back(oldest);  // Its Fill still waits in a ring; its own token has passed.
      continue;
    }
    destroy_entry(oldest.entry);
    waiting_.subtract();
  }
}

}  // namespace cache
